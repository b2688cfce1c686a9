import { Menu, UnstyledButton, useMantineColorScheme, VisuallyHidden } from "@mantine/core";
import { IconDeviceDesktop, IconLock, IconLogout, IconMoon, IconSelector, IconSun } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "@/features/session/session-query";
import { chooseLanguage, languages } from "@/shared/i18n/i18n";
import { languageNames } from "@/shared/i18n/language-picker";
import classes from "./shell.module.css";

const ChangePasswordDialog = lazy(() => import("@/features/account/change-password-dialog"));

const schemes = [
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
  { value: "auto", icon: IconDeviceDesktop },
] as const;

/** Language, theme, password and sign-out, under the operator's name. */
export function OperatorMenu({ compact = false }: { compact?: boolean }) {
  const { t, i18n } = useTranslation();
  const { operator } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const navigate = useNavigate();
  const [changingPassword, setChangingPassword] = useState(false);
  const initial = operator.email.charAt(0).toUpperCase();
  const role = t(`operator.role.${operator.role}`);

  const menu = (
    <Menu position={compact ? "bottom-end" : "top-start"} width={244}>
      <Menu.Target>
        <UnstyledButton className={classes.operator} data-compact={compact}>
          <VisuallyHidden>{t("operator.menu")}</VisuallyHidden>
          <span className={classes.avatar} aria-hidden>
            {initial}
          </span>
          {compact ? (
            <VisuallyHidden>{operator.email}</VisuallyHidden>
          ) : (
            <>
              <span className={classes.operatorText}>
                <span className={classes.operatorEmail} title={operator.email}>
                  {operator.email}
                </span>
                <span className={classes.operatorRole}>{role}</span>
              </span>
              <IconSelector size={15} stroke={1.8} aria-hidden />
            </>
          )}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {compact && (
          <>
            <div className={classes.menuIdentity}>
              <span className={classes.operatorEmail}>{operator.email}</span>
              <span className={classes.operatorRole}>{role}</span>
            </div>
            <Menu.Divider />
          </>
        )}
        <Menu.Label>{t("preferences.theme")}</Menu.Label>
        <Menu.RadioGroup
          value={colorScheme}
          onChange={(value) => setColorScheme(schemes.find((scheme) => scheme.value === value)?.value ?? "auto")}
        >
          {schemes.map(({ value, icon: Icon }) => (
            <Menu.RadioItem key={value} value={value} rightSection={<Icon size={16} stroke={1.7} aria-hidden />}>
              {t(`preferences.scheme.${value}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Label>{t("preferences.language")}</Menu.Label>
        <Menu.RadioGroup
          value={i18n.language}
          onChange={(value) => {
            const language = languages.find((known) => known === value);
            if (language) void chooseLanguage(language);
          }}
        >
          {languages.map((language) => (
            <Menu.RadioItem key={language} value={language} lang={language}>
              {languageNames[language]}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        {operator.sign_in_method === "password" && (
          <Menu.Item
            leftSection={<IconLock size={16} stroke={1.7} aria-hidden />}
            onClick={() => setChangingPassword(true)}
          >
            {t("password.changeTitle")}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconLogout size={16} stroke={1.7} aria-hidden />}
          onClick={() => void navigate({ to: "/sign-in", search: {}, state: { signOut: true } })}
        >
          {t("operator.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
  return (
    <>
      {menu}
      <Suspense fallback={null}>
        {changingPassword && <ChangePasswordDialog onClose={() => setChangingPassword(false)} />}
      </Suspense>
    </>
  );
}
