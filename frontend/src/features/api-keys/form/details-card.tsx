import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/NumberInput.layer.css";
import { NumberInput, Stack, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { ClientId } from "../parts/client-id";
import { RATE_LIMIT_MAX } from "../parts/rate-limit";
import classes from "./key-form.module.css";
import { DESCRIPTION_LENGTH_MAX } from "./key-values";
import type { KeyForm } from "./use-key-form";
import { wholeNumber } from "./whole-number";

interface DetailsCardProps {
  keyForm: KeyForm;
  clientId: string | undefined;
}

/** The key's name, description and rate limit, and the client ID if it has one already. */
export function DetailsCard({ keyForm: { form, inputProps }, clientId }: DetailsCardProps) {
  const { t } = useTranslation();
  return (
    <Card title={t("form.details")}>
      <Stack gap="md">
        {clientId && (
          <div>
            <div className={classes.label}>{t("key.clientId")}</div>
            <ClientId clientId={clientId} keyName={form.getValues().name} />
            <p className={classes.hint}>{t("form.clientIdFixed")}</p>
          </div>
        )}
        <TextInput
          label={t("key.name")}
          description={t("form.name.description")}
          inputWrapperOrder={["label", "input", "error", "description"]}
          required
          autoComplete="off"
          data-1p-ignore
          {...inputProps("name")}
        />
        <Textarea
          label={t("key.description")}
          rows={3}
          maxLength={DESCRIPTION_LENGTH_MAX}
          {...inputProps("description")}
        />
        <NumberInput
          label={t("key.rateLimit")}
          description={t("form.rateLimit.description")}
          inputWrapperOrder={["label", "input", "error", "description"]}
          placeholder={t("form.rateLimit.placeholder")}
          {...wholeNumber}
          max={RATE_LIMIT_MAX}
          classNames={{ wrapper: classes.rateLimit }}
          {...inputProps("rateLimit")}
        />
      </Stack>
    </Card>
  );
}
