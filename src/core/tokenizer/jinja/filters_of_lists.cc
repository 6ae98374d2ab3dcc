// Filters of lists, dicts and other things that can be iterated.
#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/tokenizer/jinja/filters.h"
#include "core/tokenizer/jinja/functions.h"
#include "core/tokenizer/jinja/operators.h"

namespace bitnet::core::jinja {
namespace {

Result<Value> Length(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("length", arguments, {}));
  if (value.is_undefined()) return Value(int64_t{0});
  if (const Text* text = value.text()) {
    BN_RETURN_IF_ERROR(evaluator.budget().Spend(text->size() / kBytesPerStep));
    return Value(static_cast<int64_t>(CharCount(text->bytes())));
  }
  if (const Dict* dict = value.dict()) return Value(static_cast<int64_t>(dict->entries.size()));
  if (const List* list = value.list(); list != nullptr && list->kind != List::Kind::kIterator)
    return Value(static_cast<int64_t>(list->items.size()));
  return Status(Code::kInvalidArgument, Cat("a ", value.type_name(), " has no length"));
}

Result<Value> First(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("first", arguments, {}));
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(value, evaluator.budget()));
  return items.empty() ? MakeUndefined("a list has no first item: it is empty") : items.front();
}

Result<Value> Last(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("last", arguments, {}));
  if (value.list() != nullptr && value.list()->kind == List::Kind::kIterator)
    return Status(Code::kInvalidArgument, "an iterator has no last item; make it a list");
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(value, evaluator.budget()));
  return items.empty() ? MakeUndefined("a list has no last item: it is empty") : items.back();
}

Result<Value> ToList(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("list", arguments, {}));
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, evaluator.budget()));
  return MakeList(List::Kind::kList, std::move(items));
}

Result<Value> Reverse(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("reverse", arguments, {}));
  if (value.text() != nullptr) {
    const Value back(int64_t{-1});
    return Slice(value, nullptr, nullptr, &back, evaluator.budget());
  }
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, evaluator.budget()));
  std::reverse(items.begin(), items.end());
  const bool was_iterator = value.list() != nullptr && value.list()->kind == List::Kind::kIterator;
  return MakeList(was_iterator ? List::Kind::kList : List::Kind::kIterator, std::move(items));
}

Result<Value> ItemsOf(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN([[maybe_unused]] const auto none, Bind("items", arguments, {}));
  if (value.is_undefined()) return MakeList(List::Kind::kIterator, {});
  if (value.dict() == nullptr) return Status(Code::kInvalidArgument, Cat("items of a ", value.type_name()));
  BN_ASSIGN_OR_RETURN(const Value view, CallMethod(value, "items", {}, evaluator.budget()));
  return MakeList(List::Kind::kIterator, view.list()->items);
}

// "a.b.0" of an item: members of members.
Result<Value> Path(const Value& item, const Value& path, Budget& budget) {
  if (path.is_none()) return item;
  if (path.text() == nullptr) return Item(item, path, budget);
  Value found = item;
  BN_ASSIGN_OR_RETURN(const std::vector<Text> parts, Split(*path.text(), ".", -1, /*from_right=*/false, budget));
  for (const Text& part : parts) {
    int64_t index = 0;
    const std::string_view digits = part.bytes();
    const bool is_index =
        !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_index && std::from_chars(digits.data(), digits.data() + digits.size(), index).ec != std::errc())
      return Status(Code::kLimit, "an index beyond 64 bits");
    BN_ASSIGN_OR_RETURN(found, Item(found, is_index ? Value(index) : Value(part), budget));
  }
  return found;
}

Result<Value> JoinFilter(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("join", arguments, {"d", "attribute"}));
  Budget& budget = evaluator.budget();
  Text separator;
  if (given[0] != nullptr) {
    BN_ASSIGN_OR_RETURN(separator, ToText(*given[0], budget));
  }
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, budget));
  if (given[1] != nullptr) {
    for (Value& item : items) {
      BN_ASSIGN_OR_RETURN(item, Path(item, *given[1], budget));
    }
  }
  BN_ASSIGN_OR_RETURN(Text joined, Join(separator, items, /*strict=*/false, budget));
  return Value(std::move(joined));
}

Result<std::string> NameArgument(const Arguments& arguments, size_t at, std::string_view filter) {
  if (at >= arguments.positional.size() || arguments.positional[at].text() == nullptr)
    return Status(Code::kInvalidArgument, Cat(Quoted(filter), " needs the name of a filter or test"));
  return std::string(arguments.positional[at].text()->bytes());
}

Result<Value> Map(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  std::vector<Value> mapped;
  if (!value.Truth()) return MakeList(List::Kind::kIterator, {});
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(value, evaluator.budget()));
  if (arguments.positional.empty() && !arguments.named.empty()) {
    BN_ASSIGN_OR_RETURN(const auto given, Bind("map", arguments, {"attribute", "default"}, 1));
    for (const Value& item : items) {
      BN_ASSIGN_OR_RETURN(Value member, Path(item, *given[0], evaluator.budget()));
      mapped.push_back(member.is_undefined() && given[1] != nullptr && !given[1]->is_none() ? *given[1] : member);
    }
  } else {
    BN_ASSIGN_OR_RETURN(const std::string name, NameArgument(arguments, 0, "map"));
    const Arguments rest = {{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
    for (const Value& item : items) {
      BN_ASSIGN_OR_RETURN(Value result, evaluator.ApplyFilter(name, item, rest));
      mapped.push_back(std::move(result));
    }
  }
  return MakeList(List::Kind::kIterator, std::move(mapped));
}

// select and reject, of the items or of a member of each.
template <bool kSelects, bool kOfMember>
Result<Value> Select(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  if (!value.Truth()) return MakeList(List::Kind::kIterator, {});
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(value, evaluator.budget()));
  const size_t at = kOfMember ? 1 : 0;  // of the name of the test
  const auto& positional = arguments.positional;
  if (positional.size() < at) return Status(Code::kInvalidArgument, "no name of a member to select by");
  std::string test;
  Arguments rest;
  if (positional.size() > at) {
    BN_ASSIGN_OR_RETURN(test, NameArgument(arguments, at, "select"));
    rest = {{positional.begin() + static_cast<ptrdiff_t>(at) + 1, positional.end()}, arguments.named};
  }
  std::vector<Value> selected;
  for (const Value& item : items) {
    Value looked_at = item;
    if (kOfMember) {
      BN_ASSIGN_OR_RETURN(looked_at, Path(item, positional[0], evaluator.budget()));
    }
    bool holds = looked_at.Truth();
    if (!test.empty()) {
      BN_ASSIGN_OR_RETURN(holds, evaluator.ApplyTest(test, looked_at, rest));
    }
    if (holds == kSelects) selected.push_back(item);
  }
  return MakeList(List::Kind::kIterator, std::move(selected));
}

// What an item is sorted by: a member, in lower case unless the case counts.
Result<Value> SortKey(const Value& item, const Value* attribute, bool case_sensitive, Budget& budget) {
  Value key = item;
  if (attribute != nullptr) {
    BN_ASSIGN_OR_RETURN(key, Path(item, *attribute, budget));
  }
  if (case_sensitive || key.text() == nullptr) return key;
  BN_RETURN_IF_ERROR(budget.SpendBytes(key.text()->size()));
  return Value(Lower(*key.text()));
}

struct Keyed {
  Value key, item;
};
Result<std::vector<Keyed>> WithKeys(std::vector<Value> items, const Value* attribute, bool case_sensitive,
                                    Budget& budget) {
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    BN_ASSIGN_OR_RETURN(Value key, SortKey(item, attribute, case_sensitive, budget));
    keyed.push_back({std::move(key), std::move(item)});
  }
  return keyed;
}

// Stable, also when reversed. Fails where two keys have no order.
Status SortByKey(std::vector<Keyed>& keyed, bool reverse, Budget& budget) {
  Status status;
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    if (!status.ok()) return false;
    const auto order = reverse ? Compare(b.key, a.key, budget) : Compare(a.key, b.key, budget);
    if (!order.ok()) status = order.status();
    return order.ok() && *order == -1;
  });
  return status;
}

Result<Value> Sort(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
  if (given[2] != nullptr && given[2]->text() != nullptr &&
      given[2]->text()->bytes().find(',') != std::string_view::npos)
    return Status(Code::kUnsupported, "sort by several members: not supported");
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, evaluator.budget()));
  BN_ASSIGN_OR_RETURN(
      auto keyed, WithKeys(std::move(items), given[2], given[1] != nullptr && given[1]->Truth(), evaluator.budget()));
  for (Keyed& k : keyed) {  // Jinja sorts by lists of one key: what is equal needs no order
    BN_ASSIGN_OR_RETURN(k.key, MakeList(List::Kind::kList, {k.key}));
  }
  BN_RETURN_IF_ERROR(SortByKey(keyed, given[0] != nullptr && given[0]->Truth(), evaluator.budget()));
  std::vector<Value> sorted;
  for (Keyed& k : keyed) sorted.push_back(std::move(k.item));
  return MakeList(List::Kind::kList, std::move(sorted));
}

Result<Value> DictSort(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
  if (value.dict() == nullptr) return Status(Code::kInvalidArgument, Cat("dictsort of a ", value.type_name()));
  int64_t place = 0;
  if (given[1] != nullptr) {
    const Text* by = given[1]->text();
    if (by == nullptr || (by->bytes() != "key" && by->bytes() != "value"))
      return Status(Code::kInvalidArgument, "dictsort goes by 'key' or by 'value'");
    place = by->bytes() == "value" ? 1 : 0;
  }
  BN_ASSIGN_OR_RETURN(const Value pairs, CallMethod(value, "items", {}, evaluator.budget()));
  const Value at(place);
  BN_ASSIGN_OR_RETURN(auto keyed,
                      WithKeys(pairs.list()->items, &at, given[0] != nullptr && given[0]->Truth(), evaluator.budget()));
  BN_RETURN_IF_ERROR(SortByKey(keyed, given[2] != nullptr && given[2]->Truth(), evaluator.budget()));
  std::vector<Value> sorted;
  for (Keyed& k : keyed) sorted.push_back(std::move(k.item));
  return MakeList(List::Kind::kList, std::move(sorted));
}

Result<Value> Unique(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("unique", arguments, {"case_sensitive", "attribute"}));
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, evaluator.budget()));
  BN_ASSIGN_OR_RETURN(
      auto keyed, WithKeys(std::move(items), given[1], given[0] != nullptr && given[0]->Truth(), evaluator.budget()));
  std::vector<Value> unique, seen;
  for (Keyed& k : keyed) {
    bool known = false;
    for (size_t i = 0; i < seen.size() && !known; ++i) {
      BN_ASSIGN_OR_RETURN(known, Equals(seen[i], k.key, evaluator.budget()));
    }
    if (known) continue;
    if (!IsHashable(k.key)) return Status(Code::kInvalidArgument, Cat("unique of a ", k.key.type_name()));
    seen.push_back(std::move(k.key));
    unique.push_back(std::move(k.item));
  }
  return MakeList(List::Kind::kIterator, std::move(unique));
}

// The first of the least items, or of the greatest.
template <int kWanted>
Result<Value> Extreme(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("min and max", arguments, {"case_sensitive", "attribute"}));
  BN_ASSIGN_OR_RETURN(std::vector<Value> items, Items(value, evaluator.budget()));
  if (items.empty()) return MakeUndefined("no aggregated item: the list is empty");
  BN_ASSIGN_OR_RETURN(
      auto keyed, WithKeys(std::move(items), given[1], given[0] != nullptr && given[0]->Truth(), evaluator.budget()));
  size_t best = 0;
  for (size_t i = 1; i < keyed.size(); ++i) {
    BN_ASSIGN_OR_RETURN(const int order, Compare(keyed[i].key, keyed[best].key, evaluator.budget()));
    if (order == kWanted) best = i;
  }
  return keyed[best].item;
}

Result<Value> Sum(Evaluator& evaluator, const Value& value, const Arguments& arguments) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("sum", arguments, {"attribute", "start"}));
  BN_ASSIGN_OR_RETURN(const std::vector<Value> items, Items(value, evaluator.budget()));
  Value sum = given[1] != nullptr ? *given[1] : Value(int64_t{0});
  if (sum.text() != nullptr) return Status(Code::kInvalidArgument, "sum of texts: use join");
  for (const Value& item : items) {
    Value part = item;
    if (given[0] != nullptr) {
      BN_ASSIGN_OR_RETURN(part, Path(item, *given[0], evaluator.budget()));
    }
    BN_ASSIGN_OR_RETURN(sum, Arithmetic("+", sum, part, evaluator.budget()));
  }
  return sum;
}

constexpr NamedFilter kListFilters[] = {
    {"count", Length},
    {"dictsort", DictSort},
    {"first", First},
    {"items", ItemsOf},
    {"join", JoinFilter},
    {"last", Last},
    {"length", Length},
    {"list", ToList},
    {"map", Map},
    {"max", Extreme<1>},
    {"min", Extreme<-1>},
    {"reject", Select<false, false>},
    {"rejectattr", Select<false, true>},
    {"reverse", Reverse},
    {"select", Select<true, false>},
    {"selectattr", Select<true, true>},
    {"sort", Sort},
    {"sum", Sum},
    {"unique", Unique},
};

}  // namespace

Filter FindListFilter(std::string_view name) {
  for (const NamedFilter& filter : kListFilters) {
    if (filter.name == name) return filter.filter;
  }
  return nullptr;
}

}  // namespace bitnet::core::jinja
