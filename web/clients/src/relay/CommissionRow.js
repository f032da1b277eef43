import { graphql } from 'relay-runtime';

export const commissionRow = graphql`
  fragment CommissionRow_commission on Commission {
    id
    createdAt
    status
    amount {
      amount
      currencyCode
    }
    affiliate {
      id
      name
    }
    account {
      id
    }
  }
`;
