// Partnergraph is one GraphQL server over many affiliate-program accounts at several
// vendors. See README.md and docs/.
//
// This file is where everything is put together. Each command that does more than print has
// a file of its own: serve.go, sandbox.go, check.go, webhooks.go, forget.go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/otel/trace"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/budget"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/events"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/intake"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/listing"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/sweep"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/resolvers"
	"github.com/partnergraph/partnergraph/schema"
)

func main() {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		end(signaled{<-signals})
		signal.Stop(signals) // a second one ends the process at once
	}()
	if err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr, os.Environ()...); err != nil {
		fmt.Fprintln(os.Stderr, "partnergraph:", err)
		os.Exit(1)
	}
}

// signaled is the cause of the end of a process that a signal has ended.
type signaled struct{ os.Signal }

func (s signaled) Error() string { return s.String() }

// commandLine defines the commands and their flags.
type commandLine struct {
	Serve    serveCommand    `cmd:"" default:"withargs" help:"Serve the graph. Without a configuration: over a sandbox of all vendors."`
	Sandbox  sandboxCommand  `cmd:"" help:"Run only the vendors' simulators."`
	Check    checkCommand    `cmd:"" help:"Check a configuration, and ask every account whether it is reachable and its key accepted, and every Redis whether it is set up for its use."`
	Token    tokenCommand    `cmd:"" help:"Read a token from standard input, and say who it is about or why it is refused."`
	Webhooks webhooksCommand `cmd:"" help:"Manage the webhooks of the accounts at their vendors."`
	Forget   forgetCommand   `cmd:"" help:"Drop every cached trace of a person, on all servers of a configuration. Delete the person at the vendor first."`
	Config   configCommand   `cmd:"" help:"Print the reference of all settings: type, bounds, default, environment variable, and whether a change needs a restart."`
	Schema   schemaCommand   `cmd:"" help:"Print the GraphQL schema."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// process holds what the program depends on in its environment; nothing else is global.
type process struct {
	ctx            context.Context
	getenv         config.Getenv
	environ        []string // the variables that are set, as os.Environ has them
	stdin          io.Reader
	stdout, stderr io.Writer
	registry       *providers.Registry
	now            func() time.Time
}

// run carries out a command line. environ are the variables that are set, as os.Environ has
// them.
func run(ctx context.Context, args []string, getenv config.Getenv, stdout, stderr io.Writer, environ ...string) error {
	exited := false
	parser, err := kong.New(&commandLine{}, kong.Name("partnergraph"),
		kong.Description("One GraphQL graph over your affiliate programs at PromoteKit, FirstPromoter and UpPromote."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }), kong.UsageOnError(),
		kong.Vars{"probe": probeHelp})
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if exited { // after --help, whatever else is missing
		return nil
	}
	if err != nil {
		return err
	}
	return command.Run(&process{ctx, getenv, environ, os.Stdin, stdout, stderr, all.Registry(), time.Now})
}

type (
	configCommand  struct{}
	schemaCommand  struct{}
	versionCommand struct{}
)

// Run prints the reference of all settings, as docs/operations.md has it.
func (configCommand) Run(p *process) error { return config.WriteReference(p.stdout, p.registry) }

// Run prints the schema.
func (schemaCommand) Run(p *process) error {
	_, err := io.WriteString(p.stdout, schema.SDL())
	return err
}

// version is what make build says this is. Without it the Go toolchain's own stamp holds,
// which knows go install's version, and git's where it may look.
var version string

// Run prints the version, and what it was built with.
func (versionCommand) Run(p *process) error {
	_, err := fmt.Fprintln(p.stdout, "partnergraph", programVersion(), runtime.Version())
	return err
}

// programVersion is version, or else the Go toolchain's stamp.
func programVersion() string {
	if b, ok := debug.ReadBuildInfo(); version == "" && ok {
		return b.Main.Version
	}
	return version
}

// userAgent is what vendors are told of the program. A build without a version is "dev".
func userAgent() string {
	v := programVersion()
	if v == "" || v == "(devel)" {
		v = "dev"
	}
	return "partnergraph/" + v
}

// logger writes what is of a level and above: text for people at a terminal, else JSON.
func (p *process) logger(level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if f, ok := p.stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&fs.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(f, options))
		}
	}
	return slog.New(slog.NewJSONHandler(p.stderr, options))
}

// provider makes the client of one account, without a cache.
func (p *process) provider(
	a config.Account, b providers.Budget, client *http.Client, log *slog.Logger, observe providers.Observer,
) (providers.Provider, error) {
	factory, ok := p.registry.Factory(a.Provider)
	if !ok {
		return nil, fmt.Errorf("account %s: there is no provider %q", a.ID, a.Provider)
	}
	made, err := factory.New(providers.Config{
		Account: a.ID, Name: a.Name, Currency: a.Currency, BaseURL: a.BaseURL, Credentials: a.Credentials.Reveal(), Timeout: a.Timeout,
		UserAgent: userAgent(), HTTP: client, Logger: log.With(slog.String("account", a.ID)), Budget: b, Now: p.now, Observe: observe,
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	return made, nil
}

// parts are what outlives a reload of the configuration.
type parts struct {
	*process
	work    context.Context // of what runs behind requests: it ends after the last of them, and not with a signal
	end     func()          // ends work
	log     *slog.Logger
	client  *http.Client
	redis   connections
	store   cache.Store
	entries ledger.Store                // of the ledger of writes
	changes events.Log                  // of records
	queries persisted.Store             // sent once by clients, and by their hash from then on
	budgets map[string]providers.Budget // by account and limit: a reload must not forget what was spent
	shares  budget.Shares               // of partners: a reload must not forget what they took
	writes  budget.Shares               // of all viewers, in this process
	staff   budget.Shares               // requests of staff, in this process
	counted *httpapi.State              // what runs, and what viewers had kept
	hub     *events.Hub                 // of changes, to subscribers
	seen    ledger.Store                // of lists, by sweeps
	seals   *listing.Seals              // of cursors: a reload keeps the former key valid for a day
	tokens  tokens                      // a reload that changes nothing of them must not forget the issuer's keys
	metrics *telemetry.Metrics
	tracer  trace.TracerProvider // nil: nothing is traced

	sweepEvery   time.Duration  // how often lists are looked at for changes; 0: never
	next         *sweep.Sweeper // of the configuration that was assembled last
	stopSweeping func()         // waits until nothing sweeps any more

	operatorsApart bool // the pages of operators have a listener of their own, until a restart
}

// newParts makes the parts of a process that has nothing spent. The caller closes them
// before store, the cache's, and that before redis.
func newParts(
	p *process,
	log *slog.Logger,
	client *http.Client,
	redis connections,
	store cache.Store,
	metrics *telemetry.Metrics,
	cfg *config.Config,
) *parts {
	work, end := context.WithCancel(context.WithoutCancel(p.ctx))
	changes := redis.events(cfg.Events, p.now)
	return &parts{
		work:    work,
		end:     end,
		metrics: metrics,
		process: p,
		log:     log,
		client:  client,
		redis:   redis,
		store:   store,
		entries: redis.entries(p.now),
		changes: changes,
		hub:     events.NewHub(events.HubOptions{Log: changes, Logger: log, Ready: caughtUp(store)}),
		queries: redis.queries(cfg.Redis, p.now),
		budgets: map[string]providers.Budget{},
		shares:  redis.shares(log, p.now),
		writes:  budget.NewShares(p.now),
		staff:   budget.NewShares(p.now),
		counted: httpapi.NewState(p.now),
		seals:   listing.NewSeals(p.now),
		seen:    redis.seen(p.now),

		sweepEvery:   cfg.Events.Sweep,
		stopSweeping: func() {},

		operatorsApart: cfg.Admin.Listen != "",
	}
}

// close ends what runs behind requests, and gives up what other replicas keep for this one.
func (p *parts) close() {
	p.end()
	p.stopSweeping()
	p.hub.Close()
	for _, b := range p.budgets {
		leave(b)
	}
	p.shares.Close()
}

func (p *parts) cacheOptions(c config.Cache, timeout time.Duration) cache.Options {
	return cache.Options{
		Lifetimes: map[providers.Noun]time.Duration{
			providers.NounAffiliate:  c.Affiliate,
			providers.NounMembership: c.Membership,
			providers.NounCampaign:   c.Campaign,
			providers.NounReferral:   c.Referral,
			providers.NounCommission: c.Commission,
			providers.NounPayout:     c.Payout,
			providers.NounCoupon:     c.Coupon,
		},
		List: c.List, Stale: c.Stale, Timeout: timeout, Process: p.work, Now: p.now, Logger: p.log, Observe: p.metrics.Read,
	}
}

// assemble makes the handler of a configuration.
func (p *parts) assemble(cfg *config.Config) (*httpapi.Handler, []providers.Provider, error) {
	accounts := make([]providers.Provider, len(cfg.Accounts))
	sources := make([]intake.Account, len(cfg.Accounts))
	swept := make([]sweep.Account, len(cfg.Accounts))
	var taken *intake.Intake
	wrote := func(ctx context.Context, command providers.Command, w *providers.Written) {
		taken.Wrote(ctx, command, w)
	}
	emails := map[string]resolvers.CustomerEmails{}
	var longest time.Duration
	for i, a := range cfg.Accounts {
		longest = max(longest, a.Timeout)
		emails[a.ID] = resolvers.CustomerEmails(a.CustomerEmails)
		vendor, err := p.provider(a, p.reserved(a, cfg.Limits.Reserve, cfg.Events.SweepCalls), p.client, p.log, p.metrics.Attempted)
		if err != nil {
			return nil, nil, err
		}
		options := p.cacheOptions(cfg.Cache, a.Timeout)
		options.Wrote = wrote
		cached := cache.Wrap(vendor, p.store, options)
		accounts[i], sources[i], swept[i] = cached, p.source(a, cached), p.swept(a, vendor, cached)
	}
	taken = intake.New(intake.Options{
		Accounts: sources, Log: p.changes, Told: toldAll(p.store), Now: p.now, Logger: p.log, Observe: p.metrics.Delivered,
	})
	manifest, err := persisted.LoadManifest(cfg.Persisted.Manifest)
	if err != nil {
		return nil, nil, fmt.Errorf("persisted_operations.manifest: %w", err)
	}
	p.next = p.sweeper(swept, taken)
	key, former := cursorKeys(cfg)
	p.seals.Use(key, former...)
	return httpapi.New(httpapi.Options{
		Resolvers: resolvers.New(resolvers.Options{
			Accounts: accounts, Pages: cfg.Limits.Pages, Calls: cfg.Limits.Calls, Cost: cfg.Limits.Cost, Logger: p.log, Now: p.now,
			Ledger: ledger.New(p.entries, ledger.Options{
				Settle: cfg.Writes.Settle, Keep: cfg.Writes.Keep, Plan: cfg.Limits.Timeout, Pages: cfg.Limits.Pages, Logger: p.log,
				Observe: p.metrics.Wrote,
				Take: func(ctx context.Context, subject string) time.Duration {
					return p.writes.Take(ctx, subject, budget.Price{Part: "writes", Count: 1, Limit: float64(cfg.Limits.Writes)})
				},
			}),
			Seals: p.seals, Timeout: longest, CustomerEmails: emails,
		}),
		Auth:         p.authenticator(cfg.Auth),
		Origins:      cfg.CORS.Origins,
		Headers:      cfg.CORS.Headers,
		Persisted:    p.queries,
		Trusted:      httpapi.Trusted{Manifest: manifest, Only: cfg.Persisted.Only},
		Logger:       p.log,
		Timeout:      cfg.Limits.Timeout,
		Body:         int64(cfg.Limits.Body),
		Tokens:       cfg.Limits.Tokens,
		Depth:        cfg.Limits.Depth,
		Aliases:      cfg.Limits.Aliases,
		Partner:      cfg.Limits.Partner,
		PartnerCalls: partnerCalls(cfg),
		Shares:       p.shares,
		Staff:        cfg.Limits.Staff,
		StaffShares:  p.staff,
		Answer:       int64(cfg.Limits.Answer),
		Responses:    int64(cfg.Cache.Responses),
		Load:         int64(cfg.Limits.Load),
		Unread:       unreadTime,
		Now:          p.now,
		State:        p.counted,
		Hub:          p.hub,

		Subscriptions:       cfg.Limits.Subscriptions,
		ViewerSubscriptions: cfg.Limits.ViewerSubscriptions,

		Introspection: cfg.Introspection,
		Playground:    cfg.Playground,
		Receiver:      taken,
		Operators:     httpapi.Operators{Metrics: p.metrics.Handler(), Status: p.metrics.StatusHandler(), Page: telemetry.StatusPage()},
		OwnListener:   p.operatorsApart,
		OperatorHosts: cfg.Admin.Hosts,
		Observe:       p.metrics.Served,
		Tracer:        p.tracer,
		TraceText:     cfg.Traces.Documents,
	}), accounts, nil
}

// source is an account as a source of changes.
func (p *parts) source(a config.Account, cached *cache.Cache) intake.Account {
	if needs := p.unverified(a); needs != "" {
		p.log.Warn("all deliveries of webhooks are refused", slog.String("account", a.ID), slog.String("reason", needs))
	}
	return intake.Account{Cache: cached, Tokens: a.Webhooks.PathTokens.Reveal(), Secrets: a.Webhooks.Verify(), Hooks: p.hooks(a)}
}

// budget is an account's: the one that was made before, if there is one of the same limit.
func (p *parts) budget(a config.Account) providers.Budget {
	key := fmt.Sprintf("%s %v", a.ID, a.RateLimit)
	if p.budgets[key] == nil {
		p.budgets[key] = p.redis.budget(a, p.log, p.now)
	}
	return p.budgets[key]
}

// reserved is an account's budget, of which partners leave so many percent to staff, and
// sweeps take so many.
func (p *parts) reserved(a config.Account, reserve, sweeps int) budget.Reserved {
	return budget.Reserved{Budget: p.budget(a), Part: p.part(a, "partners", 100-reserve), Spare: p.part(a, "sweeps", sweeps)}
}

// part is the budget of so many percent of an account's.
func (p *parts) part(a config.Account, name string, percent int) providers.Budget {
	part := a
	part.ID += "/" + name // no account has such an id
	hundredths := a.RateLimit.Requests * percent
	part.RateLimit.Requests = hundredths / 100
	if hundredths < 100 { // less than a call in a window: one call in a longer window
		part.RateLimit.Requests, part.RateLimit.Per = 1, a.RateLimit.Per*100/time.Duration(hundredths)
	}
	return p.budget(part)
}

// partnerCalls is how many calls to each account one partner may plan in a minute: half of
// what all partners together may take of it, so that no partner alone can take all of that.
func partnerCalls(cfg *config.Config) map[string]float64 {
	calls := make(map[string]float64, len(cfg.Accounts))
	for _, a := range cfg.Accounts {
		minute := float64(a.RateLimit.Requests) * time.Minute.Seconds() / a.RateLimit.Per.Seconds()
		calls[a.ID] = min(float64(cfg.Limits.Partner), minute*float64(100-cfg.Limits.Reserve)/100/2)
	}
	return calls
}

// cursorKeys are the key that seals cursors, and those before it. Without a configured key
// it is derived; where one is configured, the derived key may be the one before.
func cursorKeys(cfg *config.Config) (key []byte, former [][]byte) {
	if text := cfg.Cursors.Previous(); text != "" {
		former = append(former, []byte(text))
	}
	derived := derivedKey(cfg.Accounts)
	if text := cfg.Cursors.Key(); text != "" {
		return []byte(text), append(former, derived)
	}
	return derived, former
}

// derivedKey is made of the accounts' credentials, which all replicas share and no client knows.
func derivedKey(accounts []config.Account) []byte {
	type secrets struct {
		Account     string
		Credentials map[string]string
	}
	all := make([]secrets, len(accounts))
	for i, a := range accounts {
		all[i] = secrets{a.ID, a.Credentials.Reveal()}
	}
	slices.SortFunc(all, func(a, b secrets) int { return strings.Compare(a.Account, b.Account) })
	text, err := json.Marshal(all)
	if err != nil {
		panic("credentials are plain data: " + err.Error())
	}
	return append([]byte("partnergraph cursors"), text...)
}

// tokens are those who know viewers by their tokens.
type tokens struct {
	config *config.JWT
	known  *auth.Tokens       // nil where none are accepted
	end    context.CancelFunc // fetches no more keys; nil where known is
}

// authenticator knows who is let in; nil where nobody is asked.
func (p *parts) authenticator(cfg config.Auth) *auth.Authenticator {
	if !cfg.JWT.Equal(p.tokens.config) {
		if p.tokens.end != nil {
			p.tokens.end()
		}
		p.tokens = tokens{config: cfg.JWT}
		if cfg.JWT != nil {
			p.tokens.known, p.tokens.end = p.acceptTokens(cfg.JWT)
		}
	}
	if !cfg.Configured() {
		return nil
	}
	return auth.New(cfg.APIKeys, p.tokens.known)
}

// acceptTokens begins to know viewers by their tokens.
func (p *parts) acceptTokens(j *config.JWT) (*auth.Tokens, context.CancelFunc) {
	ctx, end := context.WithCancel(p.work)
	o := tokenOptions(j, p.now)
	o.Failed = func(err error) {
		p.log.Warn("the keys of the tokens' issuer cannot be fetched; those that are known stay in use", slog.Any("error", err))
	}
	return auth.NewTokens(ctx, o), end
}

// tokenOptions say which tokens a configuration accepts.
func tokenOptions(j *config.JWT, now func() time.Time) auth.TokenOptions {
	return auth.TokenOptions{
		Issuer:   j.Issuer,
		Audience: j.Audience,
		JWKS:     j.JWKSURL,
		Secret:   []byte(j.Secret.Reveal()["hs256_secret"]),
		Claims:   j.Claims,
		Roles:    j.Roles,
		Now:      now,
	}
}
