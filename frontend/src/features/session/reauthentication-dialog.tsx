import { Anchor, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { reauthentication } from "@/shared/api/reauthentication";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog } from "@/shared/ui/dialog";
import { useSession } from "./session-query";
import { SignInForm } from "./sign-in-form";
import { signInMethodsQuery } from "./sign-in-methods";
import { SingleSignOnButton } from "./single-sign-on-button";

/** Signing in with the provider happens in another tab, which notifies this one. */
function ProviderSignIn() {
  const provider = useQuery(signInMethodsQuery).data?.oidc;
  return <SingleSignOnButton name={provider?.name ?? ""} returnTo="/api-keys" newTab />;
}

/** Asks the operator to sign in again, on top of the page, when the session has expired. Pending calls then continue. */
export default function ReauthenticationDialog() {
  const { t } = useTranslation();
  const { operator } = useSession();
  return (
    <Dialog
      interrupting
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={t("reauthentication.title")}
      size="sm"
      zIndex={600}
    >
      <Text size="sm" c="dimmed" mb="md">
        {operator.sign_in_method === "oidc" ? t("reauthentication.elsewhere") : t("reauthentication.message")}
      </Text>
      {operator.sign_in_method === "oidc" ? (
        <ProviderSignIn />
      ) : (
        <SignInForm email={operator.email} onSignedIn={() => reauthentication.complete()} />
      )}
      <Text size="sm" ta="center" mt="md">
        <Anchor href="/sign-in" size="sm">
          {t("reauthentication.otherAccount")}
        </Anchor>
      </Text>
    </Dialog>
  );
}
