//go:build !race

package resolvers_test

const raced = false
