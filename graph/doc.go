// Package graph is the executor of the schema. What comes in is read by gqlgen's generated
// code, root_.generated.go. What goes out is written by code that the plugin in
// graph/plugin generates, a file a noun, on top of what is written by hand here: writer.go,
// root.go and position.go. It does what gqlgen's executor does, byte for byte, as a test
// shows, except that extensions which intercept each field are not called.
package graph

//go:generate sh -c "rm -f *.generated.go model/models_gen.go"
//go:generate sh -c "cd .. && go run ./graph/plugin"
