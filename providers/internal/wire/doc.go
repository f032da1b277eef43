// Package wire reads the JSON of vendors' replies. Vendors change and mistake forms, so that one
// odd value must cost one field, and one odd row one row:
//
//   - [Decode] reads an object member by member. A value of an unexpected form that is plainly
//     meant is read (a number in a text, a date without a zone); any other leaves its field empty
//     and is reported as an [Oddity], without the value.
//   - [Rows] reads a list row by row. What is no object is left out and counted. A list of more
//     rows than any page has is not read, as decoding takes time.
//   - [Related] is another record inside a record: whole, a part of it, or its id alone.
//   - [Members] and [Knowledge] tell which fields a related record carried.
//   - [Extent] says whether a page is the last of a list, and how many pages a list has.
//   - [Log] reports oddities, each kind once.
//   - [Shape] says which members a reply has, without any value.
//
// A wire struct is a plain struct with json tags. Its fields are strings, integers, booleans,
// [time.Time], pointers to these (nil: absent, null or unreadable), structs, slices, the types of
// this package, and whatever implements [json.Unmarshaler].
package wire
