package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/partnergraph/partnergraph/internal/cache"
	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/internal/playground"
	"github.com/partnergraph/partnergraph/internal/redisclient"
	"github.com/partnergraph/partnergraph/internal/telemetry"
	"github.com/partnergraph/partnergraph/providers"
)

type serveCommand struct {
	Config  string       `type:"path" help:"The configuration file."`
	Listen  string       `help:"Address to listen on, instead of the configuration's."`
	Sandbox sandboxFlags `embed:"" prefix:"sandbox-"`
}

// gcPercent lets the heap grow to three times what lives before it is collected, instead of
// twice: that saves a seventh of a warm query's work. The environment's GOGC goes before
// it, and GOMEMLIMIT bounds it, as with any Go program.
const gcPercent = 200

// finishTime is how long requests that run may go on after the listeners have closed.
const finishTime = 25 * time.Second

// operatorConnections is how many connections the listener of operators has: those of a few
// collectors and supervisors.
const operatorConnections = 100

// exportTime is how long the export of the last traces may take.
const exportTime = 5 * time.Second

// unreadTime is how long a client may take to read an answer.
const unreadTime = time.Minute

// Run serves until the process is told to end. SIGHUP reads the configuration again; a bad
// one is refused and the old one stays.
func (c serveCommand) Run(p *process) error {
	level, metrics := new(slog.LevelVar), telemetry.New(programVersion())
	log := slog.New(metrics.Log(p.logger(level).Handler()))
	if _, set := p.getenv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	load := func() (*config.Config, error) {
		return config.Load(c.Config, p.getenv.With("PARTNERGRAPH_LISTEN", c.Listen), p.registry, p.environ...)
	}
	cfg, err := load()
	if err != nil {
		return err
	}
	send := func(*url.URL) {} // webhooks, to a server
	if c.Config == "" {
		sims, err := p.simulate("127.0.0.1", 0, c.Sandbox)
		if err != nil {
			return err
		}
		defer sims.close()
		cfg.Accounts, send = sims.hooked(""), sims.send
		load = nil // there is nothing to read again
	}
	level.Set(cfg.Log.Level)
	watch := redisWatch{log: log, roles: map[redisclient.Role]*redisState{}}
	redis, err := connect(cfg.Redis, metrics.Commanded, watch.watch)
	if err != nil {
		return err
	}
	defer redis.close()
	traces, err := telemetry.Traces(p.ctx, p.getenv, programVersion(), log)
	if err != nil {
		return err
	}
	store, closeStore := redis.store(int64(cfg.Cache.Memory), log, p.now)
	defer closeStore()
	s := &service{load: load, began: cfg, level: level, parts: newParts(p, log, &http.Client{}, redis, store, metrics, cfg)}
	if traces != nil {
		s.tracer = traces
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), exportTime)
			defer cancel()
			_ = traces.Shutdown(ctx) // which logs what is lost
		}()
	}
	defer s.close()
	accounts, err := s.use(cfg)
	if err != nil {
		return err
	}
	if t, ok := store.(*cache.Tiered); ok {
		t.OnForget(func() { s.current.Load().Forget() })
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	listeners, adminAddress := []net.Listener{listener}, ""
	if cfg.Admin.Listen != "" {
		admin, err := net.Listen("tcp", cfg.Admin.Listen)
		if err != nil {
			_ = listener.Close()
			return fmt.Errorf("admin.listen: %w", err)
		}
		listeners, adminAddress = append(listeners, admin), admin.Addr().String()
	}
	s.log.Info("serving", slog.String("version", programVersion()), slog.String("address", listener.Addr().String()),
		slog.String("adminAddress", adminAddress), slog.Int("accounts", len(accounts)), slog.String("redis", redisNames(cfg.Redis)))
	c.greet(p, listener.Addr().String(), cfg)
	send(&url.URL{Scheme: "http", Host: listener.Addr().String()})
	go s.greetRedis(p.ctx, cfg.Redis)
	go s.redis.watch(s.work)
	go s.greetAccounts(s.work, accounts)
	return s.serve(listeners)
}

// service is a server that answers by the configuration that was read last.
type service struct {
	*parts
	load    func() (*config.Config, error) // reads the configuration again; nil where there is none
	began   *config.Config                 // what cannot change without a restart is as it is here
	level   *slog.LevelVar                 // of the log
	drain   atomic.Int64                   // the time.Duration of config.Drain
	current atomic.Pointer[httpapi.Handler]

	draining atomic.Bool // a handler that is made from now on drains, too
}

// use answers by a configuration from here on.
func (s *service) use(cfg *config.Config) ([]providers.Provider, error) {
	handler, accounts, err := s.assemble(cfg)
	if err != nil {
		return nil, err
	}
	s.metrics.Reloaded(s.now(), nil)
	s.sweep()
	s.current.Store(handler)
	if s.draining.Load() {
		handler.Drain()
	}
	s.metrics.Accounts(accounts)
	s.level.Set(cfg.Log.Level)
	s.drain.Store(int64(cfg.Drain))
	return accounts, nil
}

// serve answers until the process is told to end: on the main listener, which is the first,
// and on that of operators, where there is one.
func (s *service) serve(listeners []net.Listener) error {
	servers := []*http.Server{
		s.server(s.began.Limits.Connections, func() http.Handler { return s.current.Load() }),
		s.server(operatorConnections, func() http.Handler { return s.current.Load().Operators }),
	}[:len(listeners)]
	served := make(chan error, len(servers))
	for i, server := range servers {
		go func() { served <- server.Serve(listeners[i]) }()
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case err := <-served:
			return err
		case <-hangup:
			s.reload()
		case <-s.ctx.Done():
			return s.stop(servers, served)
		}
	}
}

// server is an HTTP server of so many connections, of the handler that is current when a
// request comes.
func (s *service) server(connections int, current func() http.Handler) *http.Server {
	bound := httpapi.NewConnections(connections)
	return &http.Server{
		ConnState: bound.State, ConnContext: bound.Context,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current().ServeHTTP(w, r) }),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: httpapi.MaxHeader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// stop ends the servers without losing a request: /readyz says 503 while requests are still
// served, so that the load balancer notices; then the listeners close, and what runs may
// finish.
func (s *service) stop(servers []*http.Server, served <-chan error) error {
	s.draining.Store(true)
	s.current.Load().Drain()
	if context.Cause(s.ctx) == error(signaled{syscall.SIGTERM}) { // nobody waits for a load balancer at a terminal
		drain := time.Duration(s.drain.Load())
		s.log.Info("stopping: /readyz answers 503, requests are still served", slog.Float64("seconds", drain.Seconds()))
		select {
		case <-time.After(drain):
		case err := <-served:
			return err
		}
	}
	s.log.Info("stopping: no new connections; running requests may finish", slog.Float64("seconds", finishTime.Seconds()))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), finishTime)
	defer cancel()
	if err := s.counted.EndStreams(ctx); err != nil {
		return fmt.Errorf("subscriptions were still open after %v: %w", finishTime, err)
	}
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			return fmt.Errorf("requests were still running after %v: %w", finishTime, err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}

// reload reads the configuration again.
func (s *service) reload() {
	if s.load == nil {
		return
	}
	var accounts []providers.Provider
	fresh, err := s.load()
	if err == nil {
		accounts, err = s.use(fresh)
	}
	if err != nil {
		s.metrics.Reloaded(s.now(), err)
		s.log.Error("the configuration was read again and refused; the old one stays", slog.Any("error", err))
		return
	}
	if names := s.began.NeedRestart(fresh); len(names) > 0 {
		s.log.Warn("the new values of these settings take effect with a restart only", slog.Any("settings", names))
	}
	s.log.Info("the configuration was read again", slog.Int("accounts", len(accounts)))
	go s.greetAccounts(s.work, accounts)
}

// greet tells whoever started the server where to go.
func (c serveCommand) greet(p *process, address string, cfg *config.Config) {
	var b strings.Builder
	if c.Config == "" {
		fmt.Fprintf(&b, "No configuration: serving a sandbox (%s world, seed %d), where every vendor is simulated over real HTTP.\n",
			c.Sandbox.Size, c.Sandbox.Seed)
		if c.Sandbox.Live {
			fmt.Fprintf(&b, "The world moves by itself every %v: subscribe to see it.\n", c.Sandbox.Pace)
		}
	}
	if cfg.Playground && (playground.Built() || !cfg.Auth.Configured()) {
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
		fmt.Fprintf(
			&b,
			"\nTry         curl -s http://%s/graphql -H 'Content-Type: application/json' \\\n              -d '{\"query\":\"{ commissions(first: 3) { nodes { amount { amount currencyCode } affiliate { name } account { name } } } }\"}'\n",
			address,
		)
	}
	_, _ = io.WriteString(p.stdout, b.String())
}

// greetAccounts finds out early how each account does, so that a refused key is known
// before the first query.
func (p *parts) greetAccounts(ctx context.Context, accounts []providers.Provider) {
	for i, err := range ping(ctx, accounts) {
		if err != nil && ctx.Err() == nil {
			p.log.Warn("an account does not answer", slog.String("account", accounts[i].AccountID()), slog.Any("error", err))
		}
	}
}
