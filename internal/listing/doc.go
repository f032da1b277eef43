// Package listing reads lists of several accounts as one list, newest first, page by page. It
// knows no GraphQL.
//
// A [Source] is one list of one account that is read from a [Position] on. [Merge] reads
// the next rows of several sources together. [Nested] reads the lists of many parents by
// walking the longer list that holds all of them, where that takes fewer calls; [Widen]
// does the same for a filter that names many parents. A cursor is the positions of all
// sources behind one row, sealed by [Seal].
//
// The end of a list is claimed only where it is proven. A list that was left because of an error
// or of a bound goes on, and its position says where.
//
// A page continues the page before it only if both belong to the same reading of the list
// ([providers.Follow]): the vendor was asked for one within [providers.MaxGap] of sending
// the other, and says of both that the list has the same number of rows, if it says so at
// all. Otherwise, rows that came or went in between have moved others from one page to the
// other. Then the older of the two pages is read again, which costs one call, and the last
// row that was taken is looked for again. [providers.Walk] goes back to a page with a row
// that it has given before.
package listing
