// Command plugin generates package graph from the schema: gqlgen's own executor for what comes in
// (arguments, inputs, resolver interfaces), and a leaner one for what goes out.
//
//	plugin                   generates graph/ and the stubs of new resolvers; run by go generate ./graph
//	plugin -stock DIR        writes gqlgen's unchanged executor to DIR, for the test that compares both
//
// It runs in the root of the repository.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/plugin"
)

func main() {
	stock := flag.String("stock", "", "write gqlgen's unchanged executor to this `directory`")
	flag.Parse()
	log.SetOutput(io.Discard) // gqlgen's notes on how it binds fields
	run := generate
	if *stock != "" {
		run = func() error { return generateStock(*stock) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// executor keeps gqlgen's model of the code to be generated.
type executor struct {
	data        *codegen.Data
	queriesOnly bool // and mutations: of events, gqlgen's own executor has another idea
}

var _ plugin.CodeGenerator = (*executor)(nil)

// Name is the name for gqlgen.
func (*executor) Name() string { return "executor" }

// GenerateCode takes the model. It is called before gqlgen writes its own executor, and the
// stubs of resolvers. The fields of Subscription become fields like any others: each event
// is executed as an operation, and its resolver returns the event instead of a channel.
func (e *executor) GenerateCode(data *codegen.Data) error {
	e.data = data
	if data.SubscriptionRoot != nil {
		data.SubscriptionRoot.Stream = false
		if e.queriesOnly {
			data.SubscriptionRoot = nil
		}
	}
	return nil
}

// generate writes package graph.
func generate() error {
	cfg, err := config.LoadConfig("gqlgen.yml")
	if err != nil {
		return err
	}
	var e executor
	if err := api.Generate(cfg, api.PrependPlugin(&e)); err != nil {
		return err
	}
	if err := trimInput(cfg.Exec.Filename); err != nil {
		return err
	}
	return render(e.data, filepath.Dir(cfg.Exec.Filename))
}
