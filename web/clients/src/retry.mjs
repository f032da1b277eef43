import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { map } from 'rxjs';
import { createCache } from './cache.mjs';

// Errors with `retryable` are thrown, because RetryLink sees only what is thrown.
const retryable = (errors = []) => errors.filter(({ extensions }) => extensions?.retryable);
const raise = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    map((result) => {
      if (operation.operationType === 'mutation' && retryable(result.errors).length > 0) throw new CombinedGraphQLErrors(result);
      return result;
    }),
  ),
);

// Only mutations are sent again. Every attempt sends the same variables, and so the same key.
// It waits as many seconds as the server asks for, and at least 1, 2, 4 … 30.
const retry = new RetryLink({
  attempts: (count, operation) => operation.operationType === 'mutation' && count <= 8,
  delay: (count, operation, error) =>
    1000 * Math.max(Math.min(2 ** (count - 1), 30), ...retryable(error.errors).map(({ extensions }) => extensions.retryAfter ?? 0)),
});

// An account that fails is an entry in `errors`, and the rows of the others are in `data`.
// Apollo Client drops both, unless errorPolicy is 'all'.
const partial = { errorPolicy: 'all' };

export const connect = (uri, options) =>
  new ApolloClient({
    cache: createCache(),
    link: ApolloLink.from([retry, raise, new HttpLink({ uri, ...options })]),
    defaultOptions: { query: partial, watchQuery: partial },
  });
