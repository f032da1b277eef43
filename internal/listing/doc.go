// Package listing reads lists of several accounts as one list, newest first, page by page. It
// knows no GraphQL.
//
// A [Source] is one list of one account that is read from a [Position] on. [Merge] reads the next
// rows of several sources together. [Nested] reads the lists of many parents by walking the longer
// list that holds all of them, where that takes fewer calls; [Widen] does the same for a filter that
// names many parents. A cursor is the positions of all sources behind one row, sealed by [Seal].
//
// The end of a list is claimed only where it is proven. A list that was left because of an error
// or of a bound goes on, and its position says where.
package listing
