// Package stock is empty. Its test compares package graph with gqlgen's own executor, which
// it has the plugin write into this package for that time.
package stock
