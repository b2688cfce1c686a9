import type { ReactNode } from "react";
import classes from "./comparison.module.css";

interface ComparisonProps {
  label: string;
  /** The heading of the column with the fields' names. */
  head: string;
  /** What is compared. */
  sides: string[];
  /** One row per field, with a value for each of `sides`, in their order. */
  rows: { field: string; values: ReactNode[] }[];
}

/** What fields hold on each side; on a phone the sides of a field stand below each other. */
export function Comparison({ label, head, sides, rows }: ComparisonProps) {
  return (
    <div className={classes.frame}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {[head, ...sides].map((each) => (
              <th key={each} scope="col">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ field, values }) => (
            <tr key={field}>
              <th scope="row">{field}</th>
              {sides.map((side, index) => (
                <td key={side}>
                  <span className={classes.side} aria-hidden>
                    {side}
                  </span>
                  {values[index]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
