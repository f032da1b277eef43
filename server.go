// Partnergraph is one GraphQL server over many affiliate-program accounts at several vendors. See README.md.
//
// This file is where everything is put together: the command line, the configuration, the parts, and their end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/ledger"
	"github.com/partnergraph/partnergraph/internal/persisted"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/all"
	"github.com/partnergraph/partnergraph/providers/sandbox"
	"github.com/partnergraph/partnergraph/resolvers"
	"github.com/partnergraph/partnergraph/schema"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "partnergraph:", err)
		os.Exit(1)
	}
}

// commandLine is what may be typed.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the graph. Without a configuration: over a sandbox of all vendors."`
	Sandbox sandboxCommand `cmd:"" help:"Run only the vendors' simulators."`
	Check   checkCommand   `cmd:"" help:"Check a configuration, and ask every account whether it is reachable and its key accepted, and every Redis whether it is set up for its use."`
	Forget  forgetCommand  `cmd:"" help:"Drop every cached trace of a person, on all servers of a configuration. Delete the person at the vendor first."`
	Schema  schemaCommand  `cmd:"" help:"Print the GraphQL schema."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// process is what the program has of its surroundings; nothing else is global.
type process struct {
	ctx            context.Context
	getenv         config.Getenv
	stdout, stderr io.Writer
	registry       *providers.Registry
	now            func() time.Time
}

func run(ctx context.Context, args []string, getenv config.Getenv, stdout, stderr io.Writer) error {
	exited := false
	parser, err := kong.New(&commandLine{}, kong.Name("partnergraph"),
		kong.Description("One GraphQL graph over your affiliate programs at PromoteKit, FirstPromoter and UpPromote."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { exited = true }), kong.UsageOnError())
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if exited || err != nil {
		return err
	}
	return command.Run(&process{ctx, getenv, stdout, stderr, all.Registry(), time.Now})
}

// sandboxFlags choose the simulated world.
type sandboxFlags struct {
	Size      string        `enum:"small,medium,large" default:"small" help:"Size of each vendor's world: small (40 affiliates), medium (1,000) or large (10,000)."`
	Seed      uint64        `default:"1" help:"Equal seeds make equal worlds."`
	Latency   time.Duration `default:"0s" help:"How long each simulated call takes."`
	ErrorRate float64       `default:"0" help:"Share of simulated calls that fail, 0 to 1."`
}

type serveCommand struct {
	Config  string       `type:"path" help:"The configuration file."`
	Listen  string       `help:"Address to listen on, instead of the configuration's."`
	Sandbox sandboxFlags `embed:"" prefix:"sandbox-"`
}

type sandboxCommand struct {
	sandboxFlags
	Listen string `default:"127.0.0.1" help:"The host to listen on; each vendor gets a port of its own."`
	Port   int    `default:"0" help:"The first vendor's port; the others get those that follow. 0: any that are free."`
}

type checkCommand struct {
	Config string `type:"path" required:"" help:"The configuration file."`
}

type (
	schemaCommand  struct{}
	versionCommand struct{}
)

// Run prints the schema.
func (schemaCommand) Run(p *process) error {
	_, err := io.WriteString(p.stdout, schema.SDL())
	return err
}

// version is what make build says this is. Without it the Go toolchain's own stamp holds, which knows go install's version, and git's where it may look.
var version string

// Run prints the version, and what it was built with.
func (versionCommand) Run(p *process) error {
	if b, ok := debug.ReadBuildInfo(); version == "" && ok {
		version = b.Main.Version
	}
	_, err := fmt.Fprintln(p.stdout, "partnergraph", version, runtime.Version())
	return err
}

// logger writes text for people at a terminal, else JSON.
func (p *process) logger() *slog.Logger {
	if f, ok := p.stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&fs.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(f, nil))
		}
	}
	return slog.New(slog.NewJSONHandler(p.stderr, nil))
}

// simulators are the vendors' simulators, serving.
type simulators struct {
	accounts []config.Account // one for each, as a configuration would have it
	servers  []*http.Server
}

// simulate starts every vendor's simulator on a port of its own: from the given one upwards in the registry's order, or with 0 on any that are free.
func (p *process) simulate(host string, port int, f sandboxFlags) (*simulators, error) {
	s := &simulators{}
	for i, factory := range p.registry.Factories() {
		sim := factory.Sandbox(providers.SandboxOptions{Size: providers.SandboxSize(f.Size), Seed: f.Seed, Now: p.now})
		if s, ok := sim.(interface{ Kit() *sandbox.Kit }); ok {
			s.Kit().SetLatency(f.Latency, 0)
			s.Kit().SetErrorRate(f.ErrorRate)
		}
		number := port
		if port != 0 {
			number += i
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(number)))
		if err != nil {
			s.close()
			return nil, err
		}
		server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(l) }()
		s.servers = append(s.servers, server)
		s.accounts = append(s.accounts, config.Account{
			ID: factory.Name, Name: factory.Title + " sandbox", Provider: factory.Name, Currency: sim.Currency(), BaseURL: "http://" + l.Addr().String(),
			Credentials: config.NewCredentials(sim.Credentials()), Timeout: 10 * time.Second,
			RateLimit: config.RateLimit{Requests: factory.Limit, Per: factory.Window}, CustomerEmails: config.EmailsHidden,
		})
	}
	return s, nil
}

func (s *simulators) close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// Run serves the simulators until the process is told to end.
func (c sandboxCommand) Run(p *process) error {
	s, err := p.simulate(c.Listen, c.Port, c.sandboxFlags)
	if err != nil {
		return err
	}
	defer s.close()
	fmt.Fprintf(p.stdout, "# Simulators of every vendor (%s world, seed %d), and a configuration for them, which this is.\n\naccounts:\n", c.Size, c.Seed)
	for _, a := range s.accounts {
		fmt.Fprintf(p.stdout, "  - id: %s\n    name: %s\n    provider: %s\n    currency: %s\n    base_url: %s\n    credentials:\n", a.ID, a.Name, a.Provider, a.Currency, a.BaseURL)
		factory, _ := p.registry.Factory(a.Provider)
		for _, name := range factory.Credentials { // made up by the simulator: no secret
			fmt.Fprintf(p.stdout, "      %s: %q\n", name, a.Credentials.Reveal()[name])
		}
	}
	<-p.ctx.Done()
	return nil
}

// provider makes the client of one account, without a cache.
func (p *process) provider(a config.Account, b providers.Budget, client *http.Client, log *slog.Logger) (providers.Provider, error) {
	factory, ok := p.registry.Factory(a.Provider)
	if !ok {
		return nil, fmt.Errorf("account %s: there is no provider %q", a.ID, a.Provider)
	}
	made, err := factory.New(providers.Config{
		Account: a.ID, Name: a.Name, Currency: a.Currency, BaseURL: a.BaseURL, Credentials: a.Credentials.Reveal(), Timeout: a.Timeout,
		HTTP: client, Logger: log.With(slog.String("account", a.ID)), Budget: b, Now: p.now,
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	return made, nil
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

// Run checks the configuration, the accounts and Redis. It prints no secret.
func (c checkCommand) Run(p *process) error {
	cfg, err := config.Load(c.Config, p.getenv, p.registry)
	if err != nil {
		return err
	}
	redis, err := connect(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.close()
	log := slog.New(slog.DiscardHandler)
	accounts := make([]providers.Provider, len(cfg.Accounts))
	for i, a := range cfg.Accounts {
		if accounts[i], err = p.provider(a, redis.budget(a, log, p.now), &http.Client{}, log); err != nil {
			return err
		}
	}
	lost, failed := p.checkRedis(redis, cfg.Redis), 0
	for i, err := range ping(p.ctx, accounts) {
		a := accounts[i].Account()
		said := fmt.Sprintf("reachable, key accepted; %d of %d calls left in %d s", a.RateLimit.Remaining, a.RateLimit.Limit, a.RateLimit.WindowSeconds)
		if err != nil {
			failed++
			said = "FAILED: " + err.Error()
		}
		fmt.Fprintf(p.stdout, "%s (%s): %s\n", a.ID.Account, a.Provider.Name, said)
	}
	var failures []string
	if failed > 0 {
		failures = append(failures, fmt.Sprintf("%d of %d accounts failed", failed, len(accounts)))
	}
	if lost > 0 {
		failures = append(failures, "a Redis failed")
	}
	if len(failures) > 0 {
		return errors.New(strings.Join(failures, "; "))
	}
	fmt.Fprintf(p.stdout, "%s is sound: %d accounts, listening on %s\n", c.Config, len(accounts), cfg.Listen)
	return nil
}

// parts are what outlives a reload of the configuration.
type parts struct {
	*process
	log     *slog.Logger
	client  *http.Client
	redis   connections
	store   cache.Store
	entries ledger.Store                // of the ledger of writes
	queries persisted.Store             // sent once by clients, and by their hash from then on
	budgets map[string]providers.Budget // by account and limit: a reload must not forget what was spent
	tokens  tokens                      // a reload that changes nothing of them must not forget the issuer's keys
}

func cacheOptions(c config.Cache, timeout time.Duration, log *slog.Logger, now func() time.Time) cache.Options {
	return cache.Options{
		Lifetimes: map[providers.Noun]time.Duration{
			providers.NounAffiliate: c.Affiliate, providers.NounMembership: c.Membership, providers.NounCampaign: c.Campaign,
			providers.NounReferral: c.Referral, providers.NounCommission: c.Commission, providers.NounPayout: c.Payout, providers.NounCoupon: c.Coupon,
		},
		List: c.List, Stale: c.Stale, Timeout: timeout, Now: now, Logger: log,
	}
}

// assemble makes the handler of a configuration.
func (p *parts) assemble(cfg *config.Config) (*httpapi.Handler, []providers.Provider, error) {
	accounts := make([]providers.Provider, len(cfg.Accounts))
	emails := map[string]resolvers.CustomerEmails{}
	var longest time.Duration
	for i, a := range cfg.Accounts {
		longest = max(longest, a.Timeout)
		emails[a.ID] = resolvers.CustomerEmails(a.CustomerEmails)
		key := fmt.Sprintf("%s %v", a.ID, a.RateLimit)
		if p.budgets[key] == nil {
			p.budgets[key] = p.redis.budget(a, p.log, p.now)
		}
		vendor, err := p.provider(a, p.budgets[key], p.client, p.log)
		if err != nil {
			return nil, nil, err
		}
		accounts[i] = cache.Wrap(vendor, p.store, cacheOptions(cfg.Cache, a.Timeout, p.log, p.now))
	}
	return httpapi.New(httpapi.Options{
		Resolvers: resolvers.New(resolvers.Options{
			Accounts: accounts, Pages: cfg.Limits.Pages, Calls: cfg.Limits.Calls, Cost: cfg.Limits.Cost, Logger: p.log, Now: p.now,
			Ledger:  ledger.New(p.entries, ledger.Options{Settle: cfg.Writes.Settle, Keep: cfg.Writes.Keep, Plan: cfg.Limits.Timeout, Logger: p.log}),
			Timeout: longest, CustomerEmails: emails,
		}),
		Auth: p.authenticator(cfg.Auth), Origins: cfg.CORS.Origins, Persisted: p.queries, Logger: p.log, Timeout: cfg.Limits.Timeout, Body: int64(cfg.Limits.Body), Tokens: cfg.Limits.Tokens,
		Depth: cfg.Limits.Depth, Aliases: cfg.Limits.Aliases, Partner: cfg.Limits.Partner,
		Introspection: cfg.Introspection, Playground: cfg.Playground,
	}), accounts, nil
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
	ctx, end := context.WithCancel(p.ctx)
	return auth.NewTokens(ctx, auth.TokenOptions{
		Issuer: j.Issuer, Audience: j.Audience, JWKS: j.JWKSURL, Secret: []byte(j.Secret.Reveal()["hs256_secret"]), Claims: j.Claims, Roles: j.Roles, Now: p.now,
		Failed: func(err error) {
			p.log.Warn("the keys of the tokens' issuer cannot be fetched; those that are known stay in use", slog.Any("error", err))
		},
	}), end
}

// gcPercent lets the heap grow to three times what lives before it is collected, instead of twice: that saves a seventh of a warm query's work.
// The environment's GOGC goes before it, and GOMEMLIMIT bounds it, as with any Go program.
const gcPercent = 200

// drainTime is how long requests that run may go on after the process was told to end.
const drainTime = 25 * time.Second

// Run serves until the process is told to end. SIGHUP reads the configuration again; a bad one is refused and the old one stays.
func (c serveCommand) Run(p *process) error {
	log := p.logger()
	if _, set := p.getenv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	getenv := p.getenv.With("PARTNERGRAPH_LISTEN", c.Listen)
	cfg, err := config.Load(c.Config, getenv, p.registry)
	if err != nil {
		return err
	}
	if c.Config == "" {
		sims, err := p.simulate("127.0.0.1", 0, c.Sandbox)
		if err != nil {
			return err
		}
		defer sims.close()
		cfg.Accounts = sims.accounts
	}
	redis, err := connect(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.close()
	store, closeStore := redis.store(int64(cfg.Cache.Memory), log, p.now)
	defer closeStore()
	parts := &parts{process: p, log: log, client: &http.Client{}, redis: redis, store: store, entries: redis.entries(p.now),
		queries: persisted.New(redis.cache, redis.timeout, p.now), budgets: map[string]providers.Budget{}}
	handler, accounts, err := parts.assemble(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	var current atomic.Pointer[httpapi.Handler]
	current.Store(handler)
	if s, ok := store.(*cache.Tiered); ok {
		s.OnForget(func() { current.Load().Forget() })
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	c.greet(p, listener.Addr().String(), cfg)
	go parts.greetRedis(p.ctx, cfg.Redis)
	go parts.greetAccounts(p.ctx, accounts)

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case err := <-served:
			return err
		case <-hangup:
			if c.Config == "" {
				continue // the sandbox has nothing to read again
			}
			fresh, err := config.Load(c.Config, getenv, p.registry)
			if err == nil {
				handler, accounts, err = parts.assemble(fresh)
			}
			if err != nil {
				log.Error("the configuration was read again and refused; the old one stays", slog.Any("error", err))
				continue
			}
			if fresh.Listen != cfg.Listen || fresh.Cache.Memory != cfg.Cache.Memory || !fresh.Redis.Equal(cfg.Redis) {
				log.Warn("listen, redis and cache.memory change with a restart only")
			}
			current.Store(handler)
			log.Info("the configuration was read again", slog.Int("accounts", len(accounts)))
			go parts.greetAccounts(p.ctx, accounts)
		case <-p.ctx.Done():
			log.Info("shutting down")
			current.Load().Drain()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), drainTime)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				return fmt.Errorf("requests were still running after %v: %w", drainTime, err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}
	}
}

// greet tells whoever started the server where to go.
func (c serveCommand) greet(p *process, address string, cfg *config.Config) {
	var b strings.Builder
	if c.Config == "" {
		fmt.Fprintf(&b, "No configuration: serving a sandbox (%s world, seed %d), where every vendor is simulated over real HTTP.\n", c.Sandbox.Size, c.Sandbox.Seed)
	}
	if cfg.Playground {
		note := ""
		if !playground.Built() {
			note = " (its own page was not built, so it comes from a CDN; with node and npm, make run builds it)"
		}
		fmt.Fprintf(&b, "Playground  http://%s/%s\n", address, note)
	}
	fmt.Fprintf(&b, "GraphQL     http://%s/graphql\n", address)
	for _, a := range cfg.Accounts {
		fmt.Fprintf(&b, "Account     %s (%s)\n", a.ID, a.Name)
	}
	if !cfg.Auth.Configured() {
		fmt.Fprintf(&b, "\nTry         curl -s http://%s/graphql -H 'Content-Type: application/json' \\\n              -d '{\"query\":\"{ commissions(first: 3) { nodes { amount { amount currencyCode } affiliate { name } account { name } } } }\"}'\n", address)
	}
	_, _ = io.WriteString(p.stdout, b.String())
}

// greetAccounts finds out early how each account does, so that a refused key is known before the first query.
func (p *parts) greetAccounts(ctx context.Context, accounts []providers.Provider) {
	for i, err := range ping(ctx, accounts) {
		if err != nil && ctx.Err() == nil {
			p.log.Warn("an account does not answer", slog.String("account", accounts[i].Account().ID.Account), slog.Any("error", err))
		}
	}
}
