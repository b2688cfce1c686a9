import { IconActivity, IconCircleCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { usedLately } from "@/features/usage/used-lately";
import { useNow } from "@/shared/i18n/use-now";
import type { SecretInfo } from "../api/api-key";
import classes from "./parts.module.css";

/** The evidence on which a dialog asks for a decision: something still uses the secret, or nothing does. */
export function EvidenceNote({ secret, children }: { secret: SecretInfo; children: ReactNode }) {
  const now = useNow();
  const inUse = usedLately(secret.last_used_at, now);
  const Icon = inUse ? IconActivity : IconCircleCheck;
  return (
    <div className={classes.evidence} data-in-use={inUse}>
      <Icon size={17} stroke={1.8} aria-hidden />
      <span>{children}</span>
    </div>
  );
}
