package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// change is a result of the documented subscription.
type change struct {
	Data struct {
		Changes struct {
			ID, Kind, NodeID, Position string
			Node                       struct {
				Email string `json:"email"`
			}
		}
	}
	Errors []any
}

// subscribe opens the stream of changes of nouns behind a position, and answers the way to
// the next.
func subscribe(t *testing.T, base, nouns, after string) (next func() change) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	body, err := json.Marshal(map[string]any{"variables": map[string]any{"after": nullable(after)}, "query": `subscription ($after: ChangeCursor) {
		changes(filter: { nouns: [` + nouns + `] }, after: $after) { id kind nodeId position node { ... on Affiliate { email } } } }`})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	return func() (c change) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &c); err != nil || len(c.Errors) > 0 {
					t.Fatalf("%v: %s", err, data)
				}
				return c
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return c
	}
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// TestChangesReachSubscribers wants what one client writes, and what the vendor's webhook
// tells of it, shown to another that has subscribed, with the record, and again to who
// subscribes behind an earlier position.
func TestChangesReachSubscribers(t *testing.T) {
	base := start(t, "--listen", "127.0.0.1:0").stdout.await(t, `GraphQL +(http://\S+)/graphql`)[1]
	next := subscribe(t, base, "AFFILIATE", "")
	var positions []string
	for i, email := range []string{"ann@new.example", "bob@new.example"} {
		status, body := ask(t, base, `mutation { createAffiliate(input: { idempotencyKey: "`+email+`", account: "`+
			accountID(t, base, nil)+`", email: "`+email+`", firstName: "Ann", lastName: "Ash" }) { affiliate { id } userErrors { message } } }`)
		id, _, _ := strings.Cut(body[strings.Index(body, `"id":"`)+len(`"id":"`):], `"`)
		if status != http.StatusOK || id == "" || !strings.Contains(body, `"userErrors":[]`) {
			t.Fatalf("%d %s", status, body)
		}
		for {
			c := next().Data.Changes
			positions = append(positions, c.Position)
			if c.Kind == "CREATED" {
				if c.NodeID != id || c.Node.Email != email {
					t.Errorf("change %d: %+v, want %s of %s", i, c, id, email)
				}
				break
			}
		}
	}
	again := subscribe(t, base, "AFFILIATE", positions[0])
	for _, want := range positions[1:] {
		if got := again().Data.Changes.Position; got != want {
			t.Errorf("behind the first position: %q, want %q", got, want)
		}
	}
}
