import { Anchor, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { reauthentication } from "@/shared/api/reauthentication";
import { Dialog } from "@/shared/ui/dialog";
import { useSession } from "./session-query";
import { SignInForm } from "./sign-in-form";

/** Signs in again over the page when the session has expired; the calls that found out then go on. */
export default function ReauthenticationDialog() {
  const { t } = useTranslation();
  const session = useSession();
  return (
    <Dialog
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={t("reauthentication.title")}
      size="sm"
      zIndex={600}
    >
      <Text size="sm" c="dimmed" mb="md">
        {t("reauthentication.message")}
      </Text>
      <SignInForm email={session.operator.email} onSignedIn={() => reauthentication.complete()} />
      <Text size="sm" ta="center" mt="md">
        <Anchor href="/sign-in" size="sm">
          {t("reauthentication.otherAccount")}
        </Anchor>
      </Text>
    </Dialog>
  );
}
