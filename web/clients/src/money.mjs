// formatMoney shows an amount for people. Intl.NumberFormat formats the string itself, so no digit is lost.
export function formatMoney({ amount, currencyCode }, locale) {
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency: currencyCode }).format(amount);
  } catch {
    return `${amount} ${currencyCode}`; // a vendor sent something that is no currency code
  }
}

// totals adds exact amounts, each currency by itself: { USD: '29.70', EUR: '5.00' }.
export function totals(amounts) {
  const sums = {};
  for (const { amount, currencyCode } of amounts) {
    const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
    const sum = (sums[currencyCode] ??= { units: 0n, decimals: 0 });
    const decimals = Math.max(sum.decimals, fraction.length);
    const units = BigInt(whole + fraction.padEnd(decimals, '0'));
    sum.units = sum.units * 10n ** BigInt(decimals - sum.decimals) + (sign ? -units : units);
    sum.decimals = decimals;
  }
  return Object.fromEntries(
    Object.entries(sums).map(([currency, { units, decimals }]) => {
      const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0');
      const point = digits.length - decimals;
      return [currency, (units < 0n ? '-' : '') + digits.slice(0, point) + (decimals ? '.' + digits.slice(point) : '')];
    }),
  );
}
