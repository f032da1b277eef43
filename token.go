package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/partnergraph/partnergraph/internal/auth"
	"github.com/partnergraph/partnergraph/internal/config"
)

type tokenCommand struct {
	Config string `type:"path" required:"" help:"The configuration file."`
}

// Help is what --help says besides.
func (tokenCommand) Help() string {
	return "The token is read from standard input, so that it stands in no list of processes and in no history of a shell. " +
		"Ends with status 1 if the token is refused."
}

const (
	maxInput  = 64 << 10         // bytes of standard input
	tokenTime = 10 * time.Second // for the issuer's keys
)

// Run says who a token is about, or why it is refused. The token is not printed.
func (c tokenCommand) Run(p *process) error {
	cfg, err := config.Load(c.Config, p.getenv, p.registry, p.environ...)
	if err != nil {
		return err
	}
	if cfg.Auth.JWT == nil {
		return errors.New("the configuration accepts no tokens: set auth.jwt")
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, maxInput))
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if rest, ok := strings.CutPrefix(token, "Bearer "); ok {
		token = strings.TrimSpace(rest)
	}
	if token == "" {
		return errors.New("standard input is empty: pipe the token into this command")
	}
	ctx, cancel := context.WithTimeout(p.ctx, tokenTime)
	defer cancel()
	options := tokenOptions(cfg.Auth.JWT, p.now)
	var failed error // of the fetch of keys
	options.Failed = func(err error) { failed = err }
	tokens := auth.NewTokens(ctx, options)
	v, err := tokens.Viewer(ctx, token)
	if refusal, ok := errors.AsType[*auth.Refusal](err); ok {
		if failed != nil {
			return fmt.Errorf("refused: %s; the issuer's keys cannot be fetched: %s", refusal.Reason, explained(failed))
		}
		return fmt.Errorf("refused: %s", refusal.Reason)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(
		p.stdout,
		"accepted\nname        %s\nrole        %s\naccounts    %s\n",
		v.Name,
		strings.ToLower(string(v.Role)),
		listed(v.Accounts, "all"),
	)
	if v.Role == auth.RolePartner {
		fmt.Fprintf(
			p.stdout,
			"affiliates  %s\nemail       %s\n",
			listed(v.Affiliates, "those with the e-mail address"),
			listed([]string{v.Email}, ""),
		)
	}
	return nil
}

// listed is a list for people; nil is without.
func listed(words []string, without string) string {
	if words == nil {
		return without
	}
	return strings.Join(words, ", ")
}
