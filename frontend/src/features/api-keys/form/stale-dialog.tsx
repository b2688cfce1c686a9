import { Button, Group, Text } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Comparison } from "@/shared/ui/comparison";
import { Dialog } from "@/shared/ui/dialog";
import { formatLifespan } from "../parts/lifespan";
import { formatRateLimit, rateLimitOf } from "../parts/rate-limit";
import { type ChangedField, changedFields, type KeyValues, lifespanOf } from "./key-values";
import classes from "./stale-dialog.module.css";

interface StaleDialogProps {
  /** The version that both changes started from. */
  base: KeyValues;
  mine: KeyValues;
  /** What somebody else has saved meanwhile. */
  theirs: KeyValues;
  onReapply: () => void;
  onDiscard: () => void;
  onClose: () => void;
}

const labels = {
  name: "key.name",
  description: "key.description",
  scopes: "key.scopes",
  lifespan: "key.lifespan",
  rateLimit: "key.rateLimit",
} as const;

function Value({ changed, children }: { changed: boolean; children: string }) {
  return (
    <span className={classes.value} data-changed={changed}>
      {children}
    </span>
  );
}

/** Shows what somebody else changed while the operator was editing, beside the operator's own changes. */
export function StaleDialog({ base, mine, theirs, onReapply, onDiscard, onClose }: StaleDialogProps) {
  const { t } = useTranslation();
  const theirChanges = changedFields(base, theirs);
  const myChanges = changedFields(base, mine);
  const fields = (["name", "description", "scopes", "lifespan", "rateLimit"] as const).filter(
    (field) => theirChanges.includes(field) || myChanges.includes(field),
  );

  function text(values: KeyValues, field: ChangedField): string {
    if (field === "lifespan") return formatLifespan(t, lifespanOf(values));
    if (field === "rateLimit") return formatRateLimit(t, rateLimitOf(values.rateLimit));
    if (field === "scopes") return values.scopes.join("\n");
    return values[field] || t("stale.blank");
  }

  return (
    <Dialog onClose={onClose} title={t("stale.title")} size="xl">
      <Text size="md">{theirChanges.length > 0 ? t("stale.message") : t("stale.messageElsewhere")}</Text>
      <div className={classes.fields}>
        <Comparison
          label={t("stale.title")}
          head={t("stale.field")}
          sides={[t("stale.theirs"), t("stale.mine")]}
          rows={fields.map((field) => ({
            field: t(labels[field]),
            values: [
              <Value key="theirs" changed={theirChanges.includes(field)}>
                {text(theirs, field)}
              </Value>,
              <Value key="mine" changed={myChanges.includes(field)}>
                {myChanges.includes(field) ? text(mine, field) : t("stale.unchanged")}
              </Value>,
            ],
          }))}
        />
      </div>
      <Group justify="flex-end" gap="xs" mt="xl">
        <Button variant="default" onClick={onDiscard}>
          {t("stale.discard")}
        </Button>
        <Button onClick={onReapply} data-autofocus>
          {t("stale.reapply")}
        </Button>
      </Group>
    </Dialog>
  );
}
