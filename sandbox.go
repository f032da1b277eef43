package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/httpapi"
	"github.com/partnergraph/partnergraph/providers"
	"github.com/partnergraph/partnergraph/providers/sandbox"
)

// sandboxFlags choose the simulated world.
type sandboxFlags struct {
	Size      string        `enum:"small,medium,large" default:"small" help:"Size of each vendor's world: small (40 affiliates), medium (1,000) or large (10,000)."`
	Seed      uint64        `default:"1" help:"Equal seeds make equal worlds."`
	Latency   time.Duration `default:"0s" help:"How long each simulated call takes."`
	ErrorRate float64       `default:"0" help:"Share of simulated calls that fail, 0 to 1."`
	Odd       float64       `default:"0" help:"Share of rows, fields and calls that the vendors answer in an odd form, 0 to 1, such as 0.01; equal seeds make equal oddities."`

	Live       bool          `help:"Let the world move by itself: a referral, a commission or another change at a vendor chosen by chance, again and again. After 1,000 additions at a vendor its records only change."`
	Pace       time.Duration `default:"3s" help:"How often the world moves."`
	Duplicates bool          `help:"Send every second webhook twice, chosen by chance."`
	Disorder   bool          `help:"Send webhooks out of order, up to 2 seconds late."`
	NoRetries  bool          `help:"Send a webhook that is not accepted no second time."`
}

type sandboxCommand struct {
	sandboxFlags
	Listen   string `default:"127.0.0.1" help:"The host to listen on; each vendor gets a port of its own."`
	Port     int    `default:"0" help:"The first vendor's port; the others get those that follow. 0: any that are free."`
	Webhooks string `placeholder:"URL" help:"Send webhooks to the server at this address, such as http://127.0.0.1:8080. The configuration that is printed has their path tokens and secrets."`
	Token    string `placeholder:"TOKEN" help:"The path token of --webhooks; by default a new one for each account."`
}

// simulators are the vendors' simulators, serving.
type simulators struct {
	flags    sandboxFlags
	accounts []config.Account // one for each, as a configuration would have it
	servers  []*http.Server
	senders  map[string]sandbox.Sender // by account
	movers   []sandbox.Mover
	stop     context.CancelFunc // of worlds that move; nil for none
	moving   sync.WaitGroup
}

// paces bound how often a world moves by itself.
const minPace, maxPace = 10 * time.Millisecond, 24 * time.Hour

// simulate starts every vendor's simulator on a port of its own: from the given one upwards
// in the registry's order, or with 0 on any that are free.
func (p *process) simulate(host string, port int, f sandboxFlags) (*simulators, error) {
	if f.Live && (f.Pace < minPace || f.Pace > maxPace) {
		return nil, fmt.Errorf("the pace of the sandbox is %v, expected %v to %v", f.Pace, minPace, maxPace)
	}
	s := &simulators{flags: f, senders: map[string]sandbox.Sender{}}
	for i, factory := range p.registry.Factories() {
		sim := factory.Sandbox(providers.SandboxOptions{Size: providers.SandboxSize(f.Size), Seed: f.Seed, Now: p.now})
		if s, ok := sim.(interface{ Kit() *sandbox.Kit }); ok {
			s.Kit().SetLatency(f.Latency, 0)
			s.Kit().SetErrorRate(f.ErrorRate)
			if f.Odd > 0 {
				s.Kit().Odd().Mix(f.Seed, f.Odd, f.Odd)
			}
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
		account := config.Account{
			ID:             factory.Name,
			Name:           factory.Title + " sandbox",
			Provider:       factory.Name,
			Currency:       sim.Currency(),
			BaseURL:        "http://" + l.Addr().String(),
			Credentials:    config.NewCredentials(sim.Credentials()),
			Timeout:        10 * time.Second,
			RateLimit:      config.RateLimit{Requests: factory.Limit, Per: factory.Window},
			CustomerEmails: config.EmailsHidden,
		}
		if sender, ok := sim.(sandbox.Sender); ok {
			sender.Webhooks().SetDuplicates(f.Duplicates)
			sender.Webhooks().SetDisorder(f.Disorder)
			sender.Webhooks().SetRetries(!f.NoRetries)
			s.senders[account.ID] = sender
		}
		if mover, ok := sim.(sandbox.Mover); ok {
			s.movers = append(s.movers, mover)
		}
		s.accounts = append(s.accounts, account)
	}
	return s, nil
}

// hooked are the accounts, with addresses for the simulators' webhooks of this path token;
// "" for a new one of each account.
func (s *simulators) hooked(token string) []config.Account {
	for i := range s.accounts {
		a := &s.accounts[i]
		if sender := s.senders[a.ID]; sender != nil {
			secrets := sender.HookSecrets()
			a.Webhooks = config.Webhooks{
				PathTokens: config.NewSecrets(cmp.Or(token, rand.Text())), Signing: config.NewSecrets(secrets.Signing...),
				Header: secrets.Header, Values: config.NewSecrets(secrets.Values...),
			}
		}
	}
	return s.accounts
}

// send has the simulators of accounts that are hooked send their webhooks to a server, whose
// host may be another machine. From here on they send, to others only on this machine, and
// their worlds move if they shall. Call it once at most.
func (s *simulators) send(server *url.URL) {
	for _, a := range s.accounts {
		sender := s.senders[a.ID]
		if sender == nil {
			continue
		}
		for _, token := range a.Webhooks.PathTokens.Reveal() {
			sender.SendTo(server.JoinPath(httpapi.WebhookPath(a.ID, token)).String())
		}
		sender.Webhooks().Open(sandbox.SendOptions{AllowHTTP: true, LocalOnly: true, Host: server.Host})
	}
	if s.flags.Live && len(s.movers) > 0 {
		ctx, stop := context.WithCancel(context.Background())
		s.stop = stop
		ticker := time.NewTicker(s.flags.Pace)
		live := sandbox.NewLive(s.flags.Seed, s.movers...)
		s.moving.Go(func() {
			defer ticker.Stop()
			live.Run(ctx, ticker.C)
		})
	}
}

func (s *simulators) close() {
	if s.stop != nil {
		s.stop()
		s.moving.Wait()
	}
	for _, sender := range s.senders {
		sender.Webhooks().Close()
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// maxServerURL bounds the address of the server that webhooks are sent to.
const maxServerURL = 1_000

// server is where webhooks are sent; empty where they are not.
func (c sandboxCommand) server() (*url.URL, error) {
	if c.Webhooks == "" {
		if c.Token != "" {
			return nil, errors.New("--token is of use with --webhooks only")
		}
		return &url.URL{}, nil
	}
	if c.Token != "" {
		if err := config.CheckPathToken(c.Token); err != nil {
			return nil, fmt.Errorf("--token: %w", err)
		}
	}
	u, err := url.Parse(c.Webhooks)
	if err != nil || len(c.Webhooks) > maxServerURL || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--webhooks: expected the address of a server like http://127.0.0.1:8080, at most %d characters", maxServerURL)
	}
	return u, nil
}

// Run serves the simulators until the process is told to end.
func (c sandboxCommand) Run(p *process) error {
	server, err := c.server()
	if err != nil {
		return err
	}
	s, err := p.simulate(c.Listen, c.Port, c.sandboxFlags)
	if err != nil {
		return err
	}
	defer s.close()
	accounts := s.accounts
	if server.Host != "" {
		accounts = s.hooked(c.Token)
	}
	s.send(server)
	fmt.Fprintf(
		p.stdout,
		"# Simulators of every vendor (%s world, seed %d), and a configuration for them, which this is.\n\naccounts:\n",
		c.Size,
		c.Seed,
	)
	for _, a := range accounts {
		fmt.Fprintf(
			p.stdout,
			"  - id: %s\n    name: %s\n    provider: %s\n    currency: %s\n    base_url: %s\n",
			a.ID,
			a.Name,
			a.Provider,
			a.Currency,
			a.BaseURL,
		)
		if tokens := a.Webhooks.PathTokens.Reveal(); len(tokens) > 0 {
			fmt.Fprintf(p.stdout, "    webhooks: { path_tokens: [%q], signing_secrets: [%q] }\n", tokens[0], a.Webhooks.Signing.Reveal()[0])
		}
		fmt.Fprint(p.stdout, "    credentials:\n")
		factory, _ := p.registry.Factory(a.Provider)
		for _, name := range factory.Credentials { // made up by the simulator: no secret
			fmt.Fprintf(p.stdout, "      %s: %q\n", name, a.Credentials.Reveal()[name])
		}
	}
	<-p.ctx.Done()
	return nil
}
