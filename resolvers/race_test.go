//go:build race

package resolvers_test

// raced says that the race detector watches, which makes everything several times slower.
const raced = true
