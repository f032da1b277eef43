// Package graph is the executor that gqlgen makes of the schema. Nothing in it but this file and the
// scalars and connections of graph/model is written by hand.
package graph

//go:generate sh -c "rm -f *.generated.go model/models_gen.go"
//go:generate sh -c "cd .. && go tool gqlgen generate"
