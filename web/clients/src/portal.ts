// What a portal does with the generated types. It is checked and never run: each @ts-expect-error is a mistake that the types must find.
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
import { type FragmentType, getFragmentData } from './generated';
import {
  AccountsDocument,
  type AffiliateCardFragment,
  CommissionRowFragmentDoc,
  CommissionsDocument,
  PriceFragmentDoc,
  RawDocument,
  RecordDocument,
} from './generated/graphql';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function equal<A, B>(_: Equal<A, B>): void {}

// Scalars are what JSON holds: exact amounts and times are strings, long numbers are numbers, a raw record is anything.
export function price(ref: FragmentType<typeof PriceFragmentDoc>): string {
  const { amount, currencyCode } = getFragmentData(PriceFragmentDoc, ref);
  equal<typeof amount, string>(true);
  // @ts-expect-error An amount is no floating-point number.
  amount.toFixed(2);
  return `${amount} ${currencyCode}`;
}
equal<ResultOf<typeof RawDocument>['rawRecord'], unknown>(true);

// A list's variables are those that the schema demands and no others.
export const newest: VariablesOf<typeof CommissionsDocument> = { first: 20, filter: { accounts: ['id'], statuses: ['APPROVED'] } };
// @ts-expect-error The query demands how many.
export const unbounded: VariablesOf<typeof CommissionsDocument> = {};
// @ts-expect-error UNKNOWN is a state to be told of, none to ask for.
export const unknown: VariablesOf<typeof CommissionsDocument> = { first: 20, filter: { statuses: ['UNKNOWN'] } };

// Lists hold no nulls; an edge to one record may be null.
export function table({ commissions }: ResultOf<typeof CommissionsDocument>): string[] {
  return commissions.edges.map(({ node }) => {
    const row = getFragmentData(CommissionRowFragmentDoc, node);
    equal<typeof row.tier, number | null | undefined>(true);
    equal<typeof row.createdAt, string | null | undefined>(true);
    equal<typeof row.commissionStatus, 'APPROVED' | 'DENIED' | 'PAID' | 'PENDING' | 'UNKNOWN'>(true);
    // @ts-expect-error The affiliate may be null.
    row.affiliate.toString();
    // @ts-expect-error The query does not ask for it.
    row.note;
    return [row.account.name, row.amount ? price(row.amount) : '', row.kind].join(' ');
  });
}

// A link's record is told apart by its type.
export function title({ node }: ResultOf<typeof RecordDocument>): string {
  switch (node?.__typename) {
    case 'Commission':
      return getFragmentData(CommissionRowFragmentDoc, node).commissionStatus;
    default:
      return node?.__typename ?? 'nothing';
  }
}

export const capable = ({ accounts }: ResultOf<typeof AccountsDocument>) => accounts.filter((account) => account.capabilities.includes('LIST_PAYOUTS'));
export const greet = (affiliate: AffiliateCardFragment) => affiliate.name ?? affiliate.email ?? 'somebody';
