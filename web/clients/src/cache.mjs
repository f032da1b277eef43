import { InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

// A root list with another filter is another list. The lists inside records have no filter.
const root = relayStylePagination(['filter']);
const nested = relayStylePagination();

// Every list of the schema, and the types that a global id can lead to.
export const createCache = () =>
  new InMemoryCache({
    possibleTypes: {
      Node: ['Account', 'Affiliate', 'Campaign', 'Commission', 'Coupon', 'Membership', 'Payout', 'Referral', 'WebhookSubscription'],
    },
    typePolicies: {
      Query: {
        fields: {
          affiliates: root,
          campaigns: root,
          commissions: root,
          coupons: root,
          memberships: root,
          payouts: root,
          referrals: root,
          webhookSubscriptions: root,
        },
      },
      Affiliate: { fields: { children: nested, commissions: nested, payouts: nested, referrals: nested } },
      Campaign: { fields: { commissions: nested, memberships: nested, referrals: nested } },
      Payout: { fields: { commissions: nested } },
      Referral: { fields: { commissions: nested } },
    },
  });
