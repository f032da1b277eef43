package redisclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Finding is what is to be changed at a Redis.
type Finding struct {
	Text   string // a sentence
	Severe bool   // what the durable role keeps may be lost
}

// Check asks every node whether it answers and is set up for the roles that it has, and
// returns what is to be changed. Where one server has both roles, what the durable one needs
// goes before: a cache that must not forget only fills up, while a ledger that forgets does
// harm. A server that does not tell its settings, as some hosted ones, is no error but a
// finding. The error is of a node that cannot be reached, or does not let us in; neither
// shows a password.
func Check(ctx context.Context, c redis.UniversalClient, roles ...Role) ([]Finding, error) {
	if cluster, ok := c.(*redis.ClusterClient); ok {
		var mu sync.Mutex
		var warnings []Finding
		err := cluster.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
			found, err := checkNode(ctx, node, roles)
			mu.Lock()
			defer mu.Unlock()
			for _, w := range found {
				warnings = append(warnings, Finding{node.Options().Addr + ": " + w.Text, w.Severe})
			}
			return err
		})
		slices.SortFunc(warnings, func(a, b Finding) int { return strings.Compare(a.Text, b.Text) })
		return warnings, err
	}
	return checkNode(ctx, c, roles)
}

func checkNode(ctx context.Context, c redis.Cmdable, roles []Role) ([]Finding, error) {
	if err := c.Ping(ctx).Err(); err != nil {
		return nil, err
	}
	has, err := settings(ctx, c)
	if err != nil {
		return nil, err
	}
	var warnings []Finding
	warn := func(name, why string) {
		warnings = append(warnings, Finding{Text: fmt.Sprintf("%s is %s: %s", name, has[name], why)})
	}
	severe := func(name, why string) {
		warn(name, why)
		warnings[len(warnings)-1].Severe = true
	}
	var unknown []string
	for _, name := range needed(roles) {
		value, told := has[name]
		evicts := strings.HasPrefix(value, "allkeys-")
		switch durable := slices.Contains(roles, Durable); {
		case !told:
			unknown = append(unknown, name)
		case name == "maxmemory" && value == "0":
			warn(name, "it grows until the machine's memory is used up; set a bound")
		case name == "maxmemory-policy" && durable && value != "noeviction" && len(roles) > 1:
			severe(name, "when it is full it forgets what it must keep; set noeviction, as it is durable as well as cache, "+
				"or give the cache a server of its own")
		case name == "maxmemory-policy" && durable && value != "noeviction":
			severe(name, "when it is full it forgets what it must keep; set noeviction")
		case name == "maxmemory-policy" && !durable && !evicts:
			warn(name, "when it is full it takes nothing new; set allkeys-lfu")
		case name == "appendonly" && value == "no":
			severe(name, "what it holds is lost when it restarts; set yes")
		case name == "appendfsync" && value == "no":
			warn(name, "what was written last may be lost with the machine; set everysec or always")
		}
	}
	if len(unknown) > 0 {
		warnings = append(
			warnings,
			Finding{Text: fmt.Sprintf("it does not tell its %s, which could not be verified", strings.Join(unknown, ", "))},
		)
	}
	return warnings, nil
}

// needed are the settings that matter to the roles.
func needed(roles []Role) []string {
	var names []string
	if slices.Contains(roles, Cache) {
		names = append(names, "maxmemory")
	}
	names = append(names, "maxmemory-policy")
	if slices.Contains(roles, Durable) {
		names = append(names, "appendonly", "appendfsync")
	}
	return names
}

// settings are those that a server tells, by CONFIG GET
// (https://redis.io/docs/latest/commands/config-get/), or where that is refused, some of
// them by INFO (https://redis.io/docs/latest/commands/info/).
func settings(ctx context.Context, c redis.Cmdable) (map[string]string, error) {
	has := map[string]string{}
	for _, name := range needed([]Role{Cache, Durable}) {
		got, err := c.ConfigGet(ctx, name).Result()
		if refused := redis.Error(nil); errors.As(err, &refused) {
			return told(ctx, c)
		}
		if err != nil {
			return nil, err
		}
		for name, value := range got {
			has[name] = value
		}
	}
	return has, nil
}

// told is what INFO tells.
func told(ctx context.Context, c redis.Cmdable) (map[string]string, error) {
	info, err := c.Info(ctx).Result()
	if refused := redis.Error(nil); errors.As(err, &refused) {
		return nil, nil
	}
	has := map[string]string{}
	for line := range strings.Lines(info) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); {
		case name == "maxmemory":
			has["maxmemory"] = value
		case name == "maxmemory_policy":
			has["maxmemory-policy"] = value
		case name == "aof_enabled" && value == "0":
			has["appendonly"] = "no"
		case name == "aof_enabled":
			has["appendonly"] = "yes"
		}
	}
	return has, err
}
