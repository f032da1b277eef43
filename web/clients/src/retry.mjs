import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { RetryLink } from '@apollo/client/link/retry';
import { map } from 'rxjs';

// What asks to be sent again. RetryLink sees what is thrown, and not what stands in `errors`.
const again = (errors = []) => errors.filter(({ extensions }) => extensions?.retryable);
const raise = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    map((result) => {
      if (operation.operationType === 'mutation' && again(result.errors).length > 0) throw new CombinedGraphQLErrors(result);
      return result;
    }),
  ),
);

// Mutations alone are sent again. Every attempt sends the same variables, and so the same key. Seconds: what the server asks for, and not less than 1, 2, 4 … 30.
const retry = new RetryLink({
  attempts: (count, operation) => operation.operationType === 'mutation' && count <= 8,
  delay: (count, operation, error) =>
    1000 * Math.max(Math.min(2 ** (count - 1), 30), ...again(error.errors).map(({ extensions }) => extensions.retryAfter ?? 0)),
});

// One account that fails is an entry in `errors`; the rows of the others are in `data`. Without this policy Apollo Client drops both.
const partial = { errorPolicy: 'all' };

export const connect = (uri, options) =>
  new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([retry, raise, new HttpLink({ uri, ...options })]),
    defaultOptions: { query: partial, watchQuery: partial },
  });
