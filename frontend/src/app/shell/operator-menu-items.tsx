import { Menu, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconLock, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import { useState } from "react";
import { useSession } from "@/features/session/session-query";
import { useSignOut } from "@/features/session/sign-out";
import { languages } from "@/shared/i18n/language";
import { languageNames, useChooseLanguage } from "@/shared/i18n/language-picker";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { ButtonMenu } from "@/shared/ui/menu-button";
import { MenuOfButton } from "@/shared/ui/menu-of-button";
import { whenShown } from "@/shared/ui/on-demand";
import classes from "./shell.module.css";

const ChangePasswordDialog = whenShown(() => import("@/features/account/change-password-dialog"));

const schemes = [
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
  { value: "auto", icon: IconDeviceDesktop },
] as const;

export default function OperatorMenuItems({ menu, compact }: { menu: ButtonMenu; compact: boolean }) {
  const { t, language } = useTranslation();
  const { operator } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const choose = useChooseLanguage();
  const [changingPassword, setChangingPassword] = useState(false);
  return (
    <>
      <MenuOfButton menu={menu} position={compact ? "bottom-end" : "top-start"} width={244}>
        <Menu.Dropdown>
          {compact && (
            <>
              <div className={classes.menuIdentity}>
                <span className={classes.operatorEmail}>{operator.email}</span>
                <span className={classes.operatorRole}>{t(`operator.role.${operator.role}`)}</span>
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
          <Menu.RadioGroup value={language} onChange={choose}>
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
          <Menu.Item leftSection={<IconLogout size={16} stroke={1.7} aria-hidden />} onClick={signOut}>
            {t("operator.signOut")}
          </Menu.Item>
        </Menu.Dropdown>
      </MenuOfButton>
      {changingPassword && <ChangePasswordDialog onClose={() => setChangingPassword(false)} />}
    </>
  );
}
