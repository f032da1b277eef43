import { graphql } from 'relay-runtime';

// A list inside a record: its next page is read by node(id).
export const affiliateReferrals = graphql`
  fragment AffiliateScreen_referrals on Affiliate
  @refetchable(queryName: "AffiliateScreenReferralsQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 1 }, after: { type: "String" }) {
    referrals(first: $first, after: $after) @connection(key: "AffiliateScreen_referrals") {
      edges {
        node {
          id
          maskedEmail
        }
      }
    }
  }
`;

export const affiliateScreenQuery = graphql`
  query AffiliateScreenQuery($id: ID!) {
    affiliate(id: $id) {
      id
      name
      ...AffiliateScreen_referrals
    }
  }
`;

// Whatever a link leads to.
export const affiliateScreenLinkQuery = graphql`
  query AffiliateScreenLinkQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ...CommissionRow_commission @alias(as: "commission")
      ...AffiliateScreen_referrals @alias(as: "affiliate")
    }
  }
`;
