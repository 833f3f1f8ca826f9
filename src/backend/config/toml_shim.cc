// toml_shim.cc - see toml_shim.h. The library is used from its headers, without exceptions of its own;
// what the C++ runtime may throw (out of memory) ends here.
#define TOML_HEADER_ONLY           1
#define TOML_EXCEPTIONS            0
#define TOML_ENABLE_FORMATTERS     0
#define TOML_ENABLE_WINDOWS_COMPAT 0

#include <stdexcept>

// Some malformed files (found by fuzzing) run into the parser's own assertions, which would end the server. As
// exceptions they end only the parse: toml_shim_parse answers that it is not TOML.
[[noreturn]] static void
give_up()
{
    throw std::logic_error("malformed");
}
#define TOML_ASSERT(expression) ((expression) ? (void)0 : give_up())

#include "backend/config/toml_shim.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <toml++/toml.h>
#include <vector>

namespace
{

struct Leaf {
    std::string section, key, text;
    TomlKind kind;
    int element;
    unsigned line;
};

// The limit of toml++ on nesting keeps this from running deep.
void
collect(const toml::node &node, const std::string &section, const std::string &key, int element,
        std::vector<Leaf> &out)
{
    char text[64];
    Leaf leaf{section, key, "", TOML_OTHER, element, node.source().begin.line};

    if (node.is_table() && node.as_table()->empty() && !(section.empty() && key.empty())) {
        leaf.kind = TOML_EMPTY_TABLE;
        leaf.text = "{}";
        out.push_back(leaf);
        return;
    }
    if (node.is_array() && node.as_array()->empty()) {
        leaf.kind = TOML_EMPTY_LIST;
        leaf.text = "[]";
        out.push_back(leaf);
        return;
    }
    if (const toml::table *table = node.as_table()) {
        for (auto &&[name, child] : *table) {
            std::string inner = key.empty() ? std::string(name.str()) : key + "." + std::string(name.str());

            // [a] starts section a; tables further in are part of the key.
            if (section.empty() && key.empty() && child.is_table() && child.as_table()->empty())
                out.push_back({std::string(name.str()), "", "", TOML_EMPTY_SECTION, 0, child.source().begin.line});
            else if (section.empty() && key.empty() && child.is_table())
                for (auto &&[leaf_name, leaf_node] : *child.as_table())
                    collect(leaf_node, std::string(name.str()), std::string(leaf_name.str()), 0, out);
            else
                collect(child, section, inner, 0, out);
        }
        return;
    }
    if (const toml::array *array = node.as_array()) {
        int no = 0;

        for (const toml::node &child : *array)
            collect(child, section, key, no++, out);
        return;
    }
    if (auto b = node.as_boolean()) {
        leaf.kind = TOML_BOOL;
        leaf.text = b->get() ? "true" : "false";
    } else if (auto i = node.as_integer()) {
        leaf.kind = TOML_INTEGER;
        leaf.text = std::to_string(i->get());
    } else if (auto f = node.as_floating_point()) {
        std::snprintf(text, sizeof(text), "%.17g", f->get());
        leaf.kind = TOML_FLOAT;
        leaf.text = text;
    } else if (auto s = node.as_string()) {
        leaf.kind = TOML_STRING;
        leaf.text = s->get();
    } else {
        leaf.text = "a date or time";
    }
    out.push_back(leaf);
}

} // namespace

extern "C" int
toml_shim_parse(const char *text, size_t bytes, TomlLeaf leaf, void *arg, char *message, size_t message_bytes,
                unsigned *line)
{
    try {
        toml::parse_result result = toml::parse(std::string_view(text, bytes));
        std::vector<Leaf> leaves;

        if (!result) {
            const auto &error = result.error();
            auto description = error.description();
            size_t n = std::min(message_bytes - 1, description.size());

            std::memcpy(message, description.data(), n);
            message[n] = '\0';
            *line = error.source().begin.line;
            return 0;
        }
        collect(result.table(), "", "", 0, leaves);
        std::stable_sort(leaves.begin(), leaves.end(),
                         [](const Leaf &a, const Leaf &b) { return a.line < b.line; });
        for (const Leaf &l : leaves)
            leaf(arg, l.section.c_str(), l.key.c_str(), l.kind, l.text.c_str(), l.element, l.line);
        return 1;
    } catch (const std::logic_error &) {
        std::snprintf(message, message_bytes, "it is not TOML");
        *line = 0;
        return 0;
    } catch (...) {
        return -1;
    }
}
