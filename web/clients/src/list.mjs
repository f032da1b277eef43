import { gql } from '@apollo/client';

// Each page asks for its edges: relayStylePagination joins pages by them.
export const COMMISSIONS = gql`
  query CommissionTable($first: Int!, $after: String, $filter: CommissionFilter) {
    commissions(first: $first, after: $after, filter: $filter) {
      edges {
        cursor
        node {
          id
          createdAt
          fetchedAt
          status
          amount {
            amount
            currencyCode
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

// watchCommissions shows the first page, and each page that showMore adds.
export const watchCommissions = (client, filter) => client.watchQuery({ query: COMMISSIONS, variables: { first: 20, filter } });

// showMore loads the next page of a watched list. It says whether there is another one behind it.
export async function showMore(list) {
  const { hasNextPage, endCursor } = list.getCurrentResult().data.commissions.pageInfo;
  if (!hasNextPage) return false;
  const { data } = await list.fetchMore({ variables: { after: endCursor } });
  return data?.commissions.pageInfo.hasNextPage ?? true;
}

// refresh reads the list again from its first page. The server answers from its cache while that is fresh.
export const refresh = (list) => list.refetch({ after: undefined });
