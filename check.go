package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/providers"
)

type checkCommand struct {
	Config  string `type:"path" required:"" help:"The configuration file."`
	Probe   bool   `help:"${probe}"`
	Offline bool   `help:"Check the file alone: no vendor, no Redis and no issuer of tokens is asked. For CI."`
	JSON    bool   `name:"json" help:"Print the findings as JSON."`
}

// probeHelp explains --probe.
var probeHelp = fmt.Sprintf("Also ask each account what its vendor's documentation leaves open: at most %d calls an account, "+
	"all of them GET, one of them with wrong credentials. Prints names of fields, JSON types, counts and verdicts, and no values. "+
	"A verdict that differs from what is assumed is no failure.", providers.MaxProbeCalls)

// checked is one thing that was checked, for people and as JSON.
type checked struct {
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Message  string   `json:"message"`
	Warnings []string `json:"warnings,omitempty"`
}

// report is what a check has found.
type report struct {
	Config   string    `json:"config"`
	OK       bool      `json:"ok"`
	Failures []string  `json:"failures,omitempty"` // what failed, one sentence for each kind
	Accounts []checked `json:"accounts,omitempty"`
	Redis    []checked `json:"redis,omitempty"`
	Tokens   *checked  `json:"tokens,omitempty"` // the keys of the issuer of tokens
	Warnings []string  `json:"warnings,omitempty"`

	listen    string
	providers []providers.Provider
	probes    []providers.Probe
}

// Run checks the configuration, the accounts, Redis and the issuer of tokens, and probes the
// accounts if that is asked for. It prints no secret, and of replies no value.
func (c checkCommand) Run(p *process) error {
	cfg, err := config.Load(c.Config, p.getenv, p.registry, p.environ...)
	if err != nil {
		if c.JSON {
			writeJSON(p.stdout, report{Config: c.Config, Failures: strings.Split(err.Error(), "\n")})
		}
		return err
	}
	r := report{Config: c.Config, listen: cfg.Listen}
	for _, a := range cfg.Accounts {
		if needs := p.unverified(a); needs != "" {
			r.Warnings = append(r.Warnings, fmt.Sprintf("account %s: all deliveries of webhooks are refused: %s", a.ID, needs))
		}
	}
	if !c.Offline {
		if err := p.ask(cfg, &r, c.Probe); err != nil {
			return err
		}
	}
	r.OK = len(r.Failures) == 0
	if c.JSON {
		writeJSON(p.stdout, r)
	} else {
		r.print(p.stdout, len(cfg.Accounts), c.Offline)
	}
	if !r.OK {
		return errors.New(strings.Join(r.Failures, "; "))
	}
	return nil
}

// ask asks whoever the configuration names.
func (p *process) ask(cfg *config.Config, r *report, probe bool) error {
	redis, err := connect(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.close()
	shared := redis
	if lost := p.checkRedis(redis, cfg.Redis, r); lost > 0 { // the accounts can be checked nevertheless, with a call each
		shared = connections{}
	}
	log := slog.New(slog.DiscardHandler)
	r.providers = make([]providers.Provider, len(cfg.Accounts))
	for i, a := range cfg.Accounts {
		b := shared.budget(a, log, p.now)
		defer leave(b)
		if r.providers[i], err = p.provider(a, b, &http.Client{}, log, nil); err != nil {
			return err
		}
	}
	failed := 0
	errs := ping(p.ctx, r.providers)
	hooks := p.findHooks(cfg.Accounts, r.providers, errs)
	for i, err := range errs {
		a := r.providers[i].Account()
		c := checked{Name: fmt.Sprintf("%s (%s)", a.ID.Account, a.Provider.Name), OK: err == nil, Warnings: hooks[i]}
		if c.Message = fmt.Sprintf("reachable, key accepted; %d of %d calls left in %d s",
			a.RateLimit.Remaining, a.RateLimit.Limit, a.RateLimit.WindowSeconds); err != nil {
			failed++
			c.Message = explained(err)
		}
		r.Accounts = append(r.Accounts, c)
	}
	if failed > 0 {
		r.Failures = append([]string{fmt.Sprintf("%d of %d accounts failed", failed, len(cfg.Accounts))}, r.Failures...)
	}
	p.checkTokens(cfg.Auth.JWT, r)
	if probe {
		r.probes = probeAll(p.ctx, r.providers)
	}
	return nil
}

// checkRedis adds what is found of each Redis, and says how many of them cannot be used.
func (p *process) checkRedis(c connections, cfg config.Redis, r *report) (lost int) {
	unsafe := false
	for _, found := range c.checkups(p.ctx, cfg) {
		one := checked{Name: found.name, OK: found.err == nil, Message: "reachable"}
		for _, w := range found.warnings {
			one.Warnings = append(one.Warnings, w.Text)
			if w.Severe {
				unsafe, one.OK = true, false
			}
		}
		switch {
		case found.err != nil:
			lost++
			one.Message = explained(found.err)
		case !one.OK:
			one.Message = "reachable, but it may lose what it must keep"
		case len(found.warnings) == 0:
			one.Message = "reachable, settings as they should be"
		}
		r.Redis = append(r.Redis, one)
	}
	if lost > 0 {
		r.Failures = append(r.Failures, "a Redis failed")
	}
	if unsafe {
		r.Failures = append(r.Failures, "the durable Redis may lose what it must keep")
	}
	if c.cache != nil && c.replicas == 0 {
		r.Warnings = append(r.Warnings, "redis.replicas is not set: without Redis a replica makes calls for 15 minutes only, "+
			"and none before Redis has answered it; set it to the largest number of replicas that run at once")
	}
	return lost
}

// checkTokens fetches the keys of the issuer of tokens, where there is one.
func (p *process) checkTokens(jwt *config.JWT, r *report) {
	if jwt == nil || jwt.JWKSURL == "" {
		return
	}
	r.Tokens = &checked{Name: "auth.jwt.jwks_url", OK: true}
	n, err := auth.FetchKeys(p.ctx, jwt.JWKSURL)
	switch {
	case err != nil:
		r.Tokens.OK, r.Tokens.Message = false, explained(err)
	case n == 0:
		r.Tokens.OK, r.Tokens.Message = false, "it has no key that this program can use"
	default:
		r.Tokens.Message = fmt.Sprintf("reachable, %d keys", n)
	}
	if !r.Tokens.OK {
		r.Failures = append(r.Failures, "the keys of the issuer of tokens cannot be used")
	}
}

// hints say what is usually meant by errors of TLS, by a part of their text.
var hints = []struct{ text, hint string }{
	{"signed by unknown authority", "the certificate is signed by an authority that this machine does not trust: " +
		"install the authority's certificate, for Redis by redis.ca"},
	{"x509: certificate is valid for", "the certificate is for other names than the one in the address"},
	{"x509: cannot validate certificate for", "the certificate does not name the address: use the name that is in it"},
	{"certificate has expired", "the certificate has expired, or this machine's clock is wrong"},
	{"first record does not look like a TLS handshake", "the server does not speak TLS at this port: use redis:// or http://, or its TLS port"},
	{"server gave HTTP response to HTTPS client", "the server does not speak TLS at this port: use http://, or its TLS port"},
	{"EOF", "the server ended the connection at once: it may want TLS (rediss:// or https://), or not want this client"},
}

// explained is the text of an error with what is usually meant by it.
func explained(err error) string {
	text := err.Error()
	for _, h := range hints {
		if strings.Contains(text, h.text) {
			return text + " (" + h.hint + ")"
		}
	}
	return text
}

// writeJSON writes a report for programs.
func writeJSON(w io.Writer, r report) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("reports are plain data: " + err.Error())
	}
	fmt.Fprintf(w, "%s\n", text)
}

// print writes a report for people.
func (r report) print(w io.Writer, accounts int, offline bool) {
	all := append(r.Redis, r.Accounts...)
	if r.Tokens != nil {
		all = append(all, *r.Tokens)
	}
	for _, c := range all {
		failed := ""
		if !c.OK {
			failed = "FAILED: "
		}
		fmt.Fprintf(w, "%s: %s%s\n", c.Name, failed, c.Message)
		for _, warning := range c.Warnings {
			fmt.Fprintf(w, "  warning: %s\n", warning)
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	if r.probes != nil {
		printProbes(w, r.providers, r.probes)
	}
	switch {
	case !r.OK:
	case offline:
		fmt.Fprintf(w, "%s is well-formed: %d accounts, listening on %s; nobody was asked\n", r.Config, accounts, r.listen)
	default:
		fmt.Fprintf(w, "%s is sound: %d accounts, listening on %s\n", r.Config, accounts, r.listen)
	}
}

// ping asks every account at once whether it answers.
func ping(ctx context.Context, accounts []providers.Provider) []error {
	errs := make([]error, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		wg.Go(func() { errs[i] = a.Ping(ctx) })
	}
	wg.Wait()
	return errs
}
