import { Button, Group, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Trans } from "react-i18next";
import { usedLately } from "@/features/usage/used-lately";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { WarningNote } from "@/shared/ui/warning-note";
import type { ApiKey } from "../api/api-key";
import { useDeleteApiKey } from "../api/delete-api-key";
import { useFreshKey } from "../api/get-api-key";
import { isNameTyped } from "./delete-rule";
import classes from "./dialogs.module.css";

interface DeleteDialogProps {
  apiKey: ApiKey;
  onClose: () => void;
  onDeleted: () => void;
}

export default function DeleteDialog({ apiKey, onClose, onDeleted }: DeleteDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const remove = useDeleteApiKey();
  const [typed, setTyped] = useState("");
  const { key, checked } = useFreshKey(apiKey);
  const lastUsedAt = key.last_used_at ?? apiKey.last_used_at;
  const typedRequired = usedLately(lastUsedAt, now);
  const confirmed = checked && (!typedRequired || isNameTyped(typed, apiKey.name));

  function submit(event: FormEvent) {
    event.preventDefault();
    if (confirmed) remove.mutate(apiKey.client_id, { onSuccess: onDeleted });
  }

  return (
    <Dialog onClose={onClose} title={t("delete.title")} size="md" busy={remove.isPending}>
      <form onSubmit={submit}>
        <Text size="md">
          <Trans t={t} i18nKey="delete.message" values={{ name: apiKey.name }} components={{ b: <strong /> }} />
        </Text>
        {typedRequired && lastUsedAt && (
          <WarningNote>{t("delete.inUse", { when: format.relative(lastUsedAt, now) })}</WarningNote>
        )}
        {typedRequired && (
          <TextInput
            mt="md"
            data-autofocus
            label={
              <Trans
                t={t}
                i18nKey="delete.typeName"
                values={{ name: apiKey.name }}
                components={{ code: <code className={classes.inlineCode} /> }}
              />
            }
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        {remove.error && (
          <div className={classes.problem}>
            <ProblemAlert error={remove.error} />
          </div>
        )}
        <Group justify="flex-end" gap="xs" mt="xl">
          <DialogCancel data-autofocus={typedRequired ? undefined : true} />
          <Button type="submit" color="red" disabled={!confirmed} loading={remove.isPending}>
            {t("delete.confirm")}
          </Button>
        </Group>
      </form>
    </Dialog>
  );
}
