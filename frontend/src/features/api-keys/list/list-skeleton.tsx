import { Skeleton } from "@mantine/core";
import classes from "./list.module.css";

const ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] as const;

export function SkeletonRows() {
  return ids.map((id, index) => (
    <tr key={id} aria-hidden>
      <td className={classes.nameCell}>
        <Skeleton height={12} width={110 + ((index * 37) % 70)} mt={4} />
        <Skeleton height={9} width={176} mt={12} mb={4} />
      </td>
      <td>
        <Skeleton height={18} width={`${72 + ((index * 13) % 26)}%`} />
      </td>
      <td>
        <Skeleton height={12} width={44} />
      </td>
      <td>
        <Skeleton height={22} width={72} radius="xl" />
      </td>
      <td>
        <Skeleton height={12} width={70} />
      </td>
      <td>
        <Skeleton height={12} width={84} />
      </td>
      <td />
    </tr>
  ));
}

export function SkeletonCards() {
  return ids.slice(0, 4).map((id) => (
    <li key={id} className={classes.card} aria-hidden>
      <Skeleton height={13} width="55%" mt={4} />
      <Skeleton height={9} width="75%" mt={12} />
      <Skeleton height={18} width="80%" mt={16} />
      <Skeleton height={62} mt={16} />
    </li>
  ));
}
