/** The product's mark; screen readers read the name beside it. */
export function BrandMark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="#4754dc" />
      <g fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round">
        <circle cx="19.5" cy="12.5" r="5" />
        <path d="m15.9 16.1-7.4 7.4M11.2 20.8l2.8 2.8" />
      </g>
    </svg>
  );
}
