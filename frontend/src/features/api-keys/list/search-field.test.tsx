import { act, fireEvent, screen } from "@testing-library/react";
import { type ComponentProps, useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { SearchField } from "./search-field";

function Search(props: Pick<ComponentProps<typeof SearchField>, "value" | "onSearch">) {
  const [cleared, setCleared] = useState(0);
  return (
    <>
      <SearchField {...props} cleared={cleared} />
      <button type="button" onClick={() => setCleared((count) => count + 1)}>
        clear
      </button>
    </>
  );
}

function open(value = "") {
  const onSearch = vi.fn();
  let showUrl = (_value: string) => {};
  function UrlSearch() {
    const [url, setUrl] = useState(value);
    showUrl = setUrl;
    return <Search value={url} onSearch={onSearch} />;
  }
  renderInConsole(<UrlSearch />);
  const field = screen.getByRole("searchbox");
  return {
    onSearch,
    field,
    showUrl: (url: string) => act(() => showUrl(url)),
    type: (text: string) => fireEvent.change(field, { target: { value: text } }),
  };
}

const pause = () => act(() => vi.advanceTimersByTime(250));

describe("the search field", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("searches once the operator pauses", () => {
    const { onSearch, type } = open();
    type("er");
    type("erp");
    expect(onSearch).not.toHaveBeenCalled();
    pause();
    expect(onSearch).toHaveBeenCalledExactlyOnceWith("erp", false);
  });

  it("goes on with the same search until it is left", () => {
    const { onSearch, field, type } = open();
    for (const text of ["e", "er"]) {
      type(text);
      pause();
    }
    expect(onSearch.mock.calls).toEqual([
      ["e", false],
      ["er", true],
    ]);
    fireEvent.blur(field);
    type("erp");
    pause();
    expect(onSearch).toHaveBeenLastCalledWith("erp", false);
  });

  it("follows the URL, as after Back, and doesn't search for that again", () => {
    const { onSearch, field, showUrl, type } = open();
    type("erp");
    pause();
    showUrl("erp");
    showUrl("");
    expect(field).toHaveValue("");
    pause();
    expect(onSearch).toHaveBeenCalledOnce();
  });

  it("forgets what is not searched for yet when the filters are cleared", () => {
    const { onSearch, field, type } = open();
    type("erp");
    fireEvent.click(screen.getByRole("button", { name: "clear" }));
    expect(field).toHaveValue("");
    pause();
    expect(onSearch).not.toHaveBeenCalled();
  });
});
