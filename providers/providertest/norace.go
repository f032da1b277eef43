//go:build !race

package providertest

// raced says whether the race detector watches, which makes everything several times slower.
const raced = false
