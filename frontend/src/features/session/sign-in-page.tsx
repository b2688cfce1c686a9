import { useTranslation } from "@/shared/i18n/use-translation";
import { EntrancePage } from "@/shared/ui/entrance-page";
import { SignInForm } from "./sign-in-form";
import type { SignInMethods } from "./sign-in-methods";
import classes from "./sign-in-page.module.css";
import type { SingleSignOnFailure } from "./single-sign-on";
import { SingleSignOnButton } from "./single-sign-on-button";

interface SignInPageProps {
  /** Shown above the form: why the operator is here. */
  notice?: string;
  /** Why signing in with the provider failed. */
  failure?: SingleSignOnFailure;
  /** The provider that operators may sign in with; null when there is none or the service couldn't be asked. */
  provider: SignInMethods["oidc"];
  /** The console path to go to after signing in. */
  returnTo: string;
  onSignedIn: () => void;
}

export function SignInPage({ notice, failure, provider, returnTo, onSignedIn }: SignInPageProps) {
  const { t } = useTranslation();
  return (
    <EntrancePage documentTitle={t("signIn.title")} heading={{ title: t("signIn.heading"), lead: t("signIn.lead") }}>
      {notice && (
        <p className={classes.notice} role="status">
          {notice}
        </p>
      )}
      {failure && (
        <p className={classes.failure} role="alert">
          {t(`singleSignOn.failure.${failure}`)}
        </p>
      )}
      {provider && (
        <>
          <SingleSignOnButton name={provider.name} returnTo={returnTo} />
          <p className={classes.or}>{t("singleSignOn.or")}</p>
        </>
      )}
      <SignInForm onSignedIn={onSignedIn} />
    </EntrancePage>
  );
}
