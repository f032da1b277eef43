// Package providers is the domain of partnergraph: what an affiliate program is,
// and the contract that every vendor of affiliate programs is read through.
//
// # The nouns
//
// An [Account] is one affiliate program at one vendor. It has [Affiliate]s; an
// affiliate takes part in [Campaign]s by [Membership]s, brings [Referral]s, earns
// [Commission]s and is paid by [Payout]s. [Coupon] and [WebhookSubscription] are the
// small ones. Each noun has a file of its name here, and a file of the same name in
// every vendor's folder.
//
// # The contract
//
// A [Provider] is one account. It answers two kinds of question about each noun:
//
//   - "these records": XByID takes any number of ids at once, because only the vendor's
//     folder knows the cheapest way to read them, and answers a [Batch].
//   - "the records that …": X takes a filter and answers, without any call, the [List]s
//     at the vendor that together hold every match. A list is read page by page, newest
//     first, in the vendor's own order and with the vendor's own page size. Rows may come
//     that do not match: the reader holds each row against the filter again, because
//     vendors ignore unknown parameters silently.
//
// Whatever else a reply carried comes along as the [Harvest] of the page or batch. A record
// that is only partly known says so by its [Fields].
//
// It writes, too: as a [Writer] it plans a [Command] without sending anything, and the
// [Write] that comes of it is sent by one call that is never repeated. When nobody answers,
// Look finds out by reading what became of it, and Proofs says for each mutation what that
// rests on. Who may write, keys and what was sent before are not the vendor's business:
// internal/ledger keeps them.
//
// Every method of a Provider MUST be safe for concurrent use, MUST honour its context, and
// MUST return errors that are an [*Error] or wrap one. What is returned belongs to everyone who
// asked: nobody may change it.
//
// # How to add a provider
//
// CONTRIBUTING.md leads from an empty folder to the first answered list in ten steps. The
// example vendor, providers/providertest/example, shows each of them. A vendor embeds
// [Unsupported], overrides what it has, and passes the suite of providertest against its
// simulator. Nothing else changes: not the schema, the resolvers, the cache or the server.
package providers
