import { SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { type UsageRange, usageRanges } from "../usage-range";

interface RangePickerProps {
  value: UsageRange;
  onChange: (range: UsageRange) => void;
}

export function RangePicker({ value, onChange }: RangePickerProps) {
  const { t } = useTranslation();
  return (
    <SegmentedControl
      size="xs"
      aria-label={t("usage.range.label")}
      value={value}
      onChange={(chosen) => onChange(usageRanges.find((range) => range === chosen) ?? value)}
      data={usageRanges.map((range) => ({ value: range, label: t(`usage.range.${range}`) }))}
    />
  );
}
