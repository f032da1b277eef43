package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/providers"
)

// webhooksCommand holds the commands about webhooks.
type webhooksCommand struct {
	Sync webhooksSyncCommand `cmd:"" help:"Create or repair the webhook subscriptions that each account should have at its vendor."`
}

type webhooksSyncCommand struct {
	Config    string `type:"path" required:"" help:"The configuration file, as the servers have it."`
	PublicURL string `name:"public-url" required:"" placeholder:"URL" help:"The address of the server on the internet, such as https://graph.example.com."`
	DryRun    bool   `name:"dry-run" help:"Print what would be done, and write nothing."`
}

// Help is what --help says besides.
func (webhooksSyncCommand) Help() string {
	return `Put a path token into accounts[].webhooks.path_tokens of each account first (openssl rand -hex 16), and reload the server:
UpPromote calls the address before it accepts it. Of several tokens the vendor is given the first.

FirstPromoter gets one subscription to all events, UpPromote one for each event. PromoteKit has no API for webhooks: what to enter by hand is
printed, with the token. New signing secrets are printed once: put them into accounts[].webhooks.signing_secrets, and reload the server.

Only subscriptions to this address and account are changed. None is deleted, but one that this run has made a moment after another run made
the same. What is as it should be stays, so the command may be run again at any time.

Ends with status 1 if a subscription is not as it should be in the end, or if an account cannot be asked.`
}

// Run creates and repairs the subscriptions of all accounts that have a path token.
func (c webhooksSyncCommand) Run(p *process) error {
	public, err := publicURL(c.PublicURL)
	if err != nil {
		return err
	}
	cfg, err := config.Load(c.Config, p.getenv, p.registry, p.environ...)
	if err != nil {
		return err
	}
	redis, err := connect(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.close()
	for _, found := range redis.checkups(p.ctx, cfg.Redis) { // which keeps the ledger of writes, and what is left of rate limits
		if found.err != nil {
			return fmt.Errorf("nothing was changed: %s: %s", found.name, explained(found.err))
		}
	}
	log := slog.New(slog.DiscardHandler)
	writes := ledger.New(redis.entries(p.now), ledger.Options{
		Settle: cfg.Writes.Settle, Keep: cfg.Writes.Keep, Plan: cfg.Limits.Timeout, Pages: cfg.Limits.Pages, Logger: log,
	})
	asked, failed := 0, 0
	for _, a := range cfg.Accounts {
		s := hookSync{
			out: p.stdout, dry: c.DryRun, now: p.now, account: a, secrets: a.Webhooks.Verify(), shown: map[string]bool{},
			address: hookAddress{a.ID, a.Webhooks.PathTokens.Reveal(), public}, writes: writes,
			patience: cfg.Writes.Settle + cfg.Limits.Timeout + a.Timeout,
		}
		if s.hooks = p.hooks(a); s.hooks == nil || len(s.address.tokens) == 0 {
			s.say("left out, as it takes no webhooks: to change that, put a token into its webhooks.path_tokens (openssl rand -hex 16), " +
				"reload the server, and run this again")
			continue
		}
		asked++
		b := redis.budget(a, log, p.now)
		defer leave(b)
		if s.vendor, err = p.provider(a, b, &http.Client{}, log, nil); err != nil {
			return err
		}
		if !s.run(p.ctx) {
			failed++
		}
	}
	switch {
	case asked == 0:
		return fmt.Errorf("no account of %s has webhooks.path_tokens", c.Config)
	case failed > 0:
		return fmt.Errorf("the webhooks of %d of %d accounts are not as they should be", failed, asked)
	}
	return nil
}

// publicURL reads the address of the server on the internet.
func publicURL(text string) (*url.URL, error) {
	fail := func(wrong string) (*url.URL, error) { return nil, fmt.Errorf("--public-url: %s", wrong) }
	if problems := providers.CheckTarget(text); len(problems) > 0 {
		return fail(problems[0].Message)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fail("is no address")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fail("must not have a query or a fragment")
	}
	for part := range strings.SplitSeq(strings.ToLower(u.Path), "/") {
		if part == "webhooks" || part == "graphql" {
			return fail("ends too late: leave out /" + part + " and what follows, which is added for each account")
		}
	}
	return &url.URL{Scheme: "https", Host: hostOf(u), Path: strings.TrimRight(u.Path, "/")}, nil
}

// hooks read an account's deliveries; nil where its vendor sends none.
func (p *process) hooks(a config.Account) providers.Hooks {
	factory, _ := p.registry.Factory(a.Provider)
	if factory.Hooks == nil {
		return nil
	}
	return factory.Hooks(providers.HookOptions{Account: a.ID, Now: p.now})
}

// unverified says why an account that takes webhooks refuses all deliveries; "" where it does
// not.
func (p *process) unverified(a config.Account) string {
	hooks := p.hooks(a)
	if hooks == nil || len(a.Webhooks.PathTokens.Reveal()) == 0 {
		return ""
	}
	return hooks.Needs(a.Webhooks.Verify())
}

// findHooks is hookFindings of all accounts at once, but those that do not answer.
func (p *process) findHooks(accounts []config.Account, vendors []providers.Provider, errs []error) [][]string {
	findings := make([][]string, len(accounts))
	var wg sync.WaitGroup
	for i, a := range accounts {
		if errs[i] == nil {
			wg.Go(func() { findings[i] = p.hookFindings(p.ctx, a, vendors[i]) })
		}
	}
	wg.Wait()
	return findings
}

// hookFindings says what of an account's subscriptions at its vendor is not as it should be,
// and what to do. Where the vendor has no calls for them, nothing is known.
func (p *process) hookFindings(ctx context.Context, a config.Account, vendor providers.Provider) (findings []string) {
	address := hookAddress{account: a.ID, tokens: a.Webhooks.PathTokens.Reveal()}
	hooks := p.hooks(a)
	if hooks == nil || len(address.tokens) == 0 {
		return nil
	}
	wanted := hooks.Subscriptions(a.Webhooks.Verify())
	if slices.ContainsFunc(wanted, func(w providers.HookSubscription) bool { return w.Dashboard != "" }) {
		return nil
	}
	rows, err := subscriptionsOf(ctx, vendor)
	if err != nil {
		return []string{"webhooks: the subscriptions at the vendor cannot be read: " + redact(explained(err), address.tokens)}
	}
	var missing, faulty []string
	for _, s := range address.compare(rows, wanted) {
		if s.is == nil {
			missing = append(missing, s.name())
		} else if !s.right() {
			faulty = append(faulty, s.name()+" ("+strings.Join(s.faults, ", ")+")")
		}
	}
	const advice = ": run partnergraph webhooks sync --public-url https://<host of the server> --config FILE"
	if len(missing) > 0 {
		findings = append(findings, "webhooks: missing at the vendor: "+strings.Join(missing, ", ")+advice)
	}
	if len(faulty) > 0 {
		findings = append(findings, "webhooks: not as it should be at the vendor: "+strings.Join(faulty, ", ")+advice)
	}
	return findings
}

// subscriptionsOf reads all subscriptions of an account, live and to the proven end of the
// list. One that cannot be read may be any, so that it is an error.
func subscriptionsOf(ctx context.Context, vendor providers.Provider) (rows []*providers.WebhookSubscription, err error) {
	lists, err := vendor.WebhookSubscriptions()
	if err != nil {
		return nil, err
	}
	known := map[providers.ID]bool{}
	for _, l := range lists {
		for page, err := range providers.Pages(providers.WithProof(ctx), l, vendor, 0) {
			if err != nil {
				return nil, err
			}
			if page.Unread > 0 {
				return nil, fmt.Errorf("%d subscriptions have a form that is not known", page.Unread)
			}
			for _, row := range page.Items {
				if !known[row.ID] { // pages may move while they are read
					rows = append(rows, row)
				}
				known[row.ID] = true
			}
		}
	}
	return rows, nil
}
