// Package intake takes in what tells that records have changed: deliveries of the vendors'
// webhooks, what sweeps find, and our own writes.
//
// A delivery is verified, and says which records changed. What the cache holds of them, and
// of the lists that they may be in, is invalidated on all replicas. Then an event for each
// record is appended to the log, with the affiliate that it belongs to, and only then is the
// vendor told that the delivery arrived. So whoever reads the log finds what a vendor was
// told to forget, and whoever then reads the record finds it as it is now. Where the cache's
// Redis does not answer, the event waits until all replicas know what was invalidated, but
// only for some seconds. After that, another replica that still reaches this Redis may show the
// record as it was.
//
// No value in a delivery becomes a value of a record: deliveries come late, twice and in any
// order. What the record is now, the next read tells.
//
// Where a delivery does not say whose record it is, the cache is asked, and then the vendor,
// for all deliveries that wait at once by one call. Where the vendor does not answer, the
// delivery is refused, so that its sender sends it again.
package intake
