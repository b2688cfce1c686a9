import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { LanguagePicker } from "@/shared/i18n/language-picker";
import { BrandMark } from "@/shared/ui/brand-mark";
import { SignInForm } from "./sign-in-form";
import classes from "./sign-in-page.module.css";

interface SignInPageProps {
  /** Stands above the form: why the operator is here. */
  notice?: string;
  onSignedIn: () => void;
}

export function SignInPage({ notice, onSignedIn }: SignInPageProps) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${t("signIn.title")} · ${t("app.name")}`;
  }, [t]);
  return (
    <main className={classes.page}>
      <div className={classes.column}>
        <div className={classes.brand}>
          <BrandMark size={36} />
          <h1 className={classes.title}>{t("signIn.heading")}</h1>
          <p className={classes.lead}>{t("signIn.lead")}</p>
        </div>
        <div className={classes.card}>
          {notice && (
            <p className={classes.notice} role="status">
              {notice}
            </p>
          )}
          <SignInForm onSignedIn={onSignedIn} />
        </div>
        <LanguagePicker />
      </div>
    </main>
  );
}
