package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strconv"
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
}

type sandboxCommand struct {
	sandboxFlags
	Listen string `default:"127.0.0.1" help:"The host to listen on; each vendor gets a port of its own."`
	Port   int    `default:"0" help:"The first vendor's port; the others get those that follow. 0: any that are free."`
}

// simulators are the vendors' simulators, serving.
type simulators struct {
	accounts []config.Account // one for each, as a configuration would have it
	servers  []*http.Server
	senders  map[string]sandbox.Sender // by account
}

// simulate starts every vendor's simulator on a port of its own: from the given one upwards
// in the registry's order, or with 0 on any that are free.
func (p *process) simulate(host string, port int, f sandboxFlags) (*simulators, error) {
	s := &simulators{senders: map[string]sandbox.Sender{}}
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
			s.senders[account.ID] = sender
		}
		s.accounts = append(s.accounts, account)
	}
	return s, nil
}

// hooked are the accounts, with addresses for the simulators' webhooks.
func (s *simulators) hooked() []config.Account {
	for i := range s.accounts {
		a := &s.accounts[i]
		if sender := s.senders[a.ID]; sender != nil {
			secrets := sender.HookSecrets()
			a.Webhooks = config.Webhooks{
				PathTokens: config.NewSecrets(rand.Text()), Signing: config.NewSecrets(secrets.Signing...),
				Header: secrets.Header, Values: config.NewSecrets(secrets.Values...),
			}
		}
	}
	return s.accounts
}

// send has the simulators send their webhooks to the server at an address of this machine.
func (s *simulators) send(address string) {
	for _, a := range s.accounts {
		sender := s.senders[a.ID]
		if sender == nil {
			continue
		}
		for _, token := range a.Webhooks.PathTokens.Reveal() {
			sender.SendTo("http://" + address + httpapi.WebhookPath(a.ID, token))
		}
		sender.Webhooks().Open(sandbox.SendOptions{AllowHTTP: true, LocalOnly: true})
	}
}

func (s *simulators) close() {
	for _, sender := range s.senders {
		sender.Webhooks().Close()
	}
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
	fmt.Fprintf(
		p.stdout,
		"# Simulators of every vendor (%s world, seed %d), and a configuration for them, which this is.\n\naccounts:\n",
		c.Size,
		c.Seed,
	)
	for _, a := range s.accounts {
		fmt.Fprintf(
			p.stdout,
			"  - id: %s\n    name: %s\n    provider: %s\n    currency: %s\n    base_url: %s\n    credentials:\n",
			a.ID,
			a.Name,
			a.Provider,
			a.Currency,
			a.BaseURL,
		)
		factory, _ := p.registry.Factory(a.Provider)
		for _, name := range factory.Credentials { // made up by the simulator: no secret
			fmt.Fprintf(p.stdout, "      %s: %q\n", name, a.Credentials.Reveal()[name])
		}
	}
	<-p.ctx.Done()
	return nil
}
