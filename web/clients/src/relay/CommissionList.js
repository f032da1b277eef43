import { graphql } from 'relay-runtime';

// What usePaginationFragment takes.
export const commissionList = graphql`
  fragment CommissionList_query on Query
  @refetchable(queryName: "CommissionListPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }, filter: { type: "CommissionFilter" }) {
    commissions(first: $first, after: $after, filter: $filter) @connection(key: "CommissionList_commissions", filters: ["filter"]) {
      edges {
        node {
          ...CommissionRow_commission @relay(mask: false)
        }
      }
    }
  }
`;

export const commissionListQuery = graphql`
  query CommissionListQuery($first: Int!, $filter: CommissionFilter) {
    ...CommissionList_query @arguments(first: $first, filter: $filter)
  }
`;
