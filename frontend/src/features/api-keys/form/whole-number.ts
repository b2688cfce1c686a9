/** The props of a field for a number of at least one. A value out of bounds is reported, not changed. */
export const wholeNumber = {
  allowDecimal: false,
  allowNegative: false,
  allowLeadingZeros: false,
  clampBehavior: "none",
  min: 1,
} as const;
