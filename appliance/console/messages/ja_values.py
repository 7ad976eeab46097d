# SPDX-License-Identifier: Apache-2.0
"""Japanese: what may be given as a value. {places} stand for what differs from value to value."""

SAID = {
    "true or false": "true か false",
    "a host name such as office.test or an IP address": "office.test のようなホスト名、またはIPアドレス",
    "a country: two small letters as in ISO 3166, such as jp": "国: ISO 3166 の小文字2つ。例: jp",
    "a time zone of the tz database, such as Asia/Tokyo": "tzデータベースの時間帯。例: Asia/Tokyo",
    "ADDRESS or ADDRESS:PORT, such as {first} or {second}": "アドレス、またはアドレス:ポート。例: {first}、{second}",
    "ADDRESS:PORT, such as {first} or {second}": "アドレス:ポート。例: {first}、{second}",
    "an IPv4 or IPv6 address of this machine": "この機械のIPv4またはIPv6アドレス",
    "a network such as {example} or an address": "ネットワーク(例: {example})、またはアドレス",
    "the name of a file": "ファイル名",
    "FIRST-LAST, such as {example}": "最初-最後。例: {example}",
    "{first} to {last} messages": "{first} から {last} 件",
    "{first} to {last} octets": "{first} から {last} オクテット",
    "{first} to {last} days": "{first} から {last} 日",
    "{first} to {last} seconds": "{first} から {last} 秒",
    "{first} to {last} seconds, 0 for off": "{first} から {last} 秒、0 でしない",
    "{first} to {last} digits": "{first} から {last} 桁",
    "{first} to {last} telephones": "{first} から {last} 台",
    "{first} to {last} printable characters, in quotes if there are blanks":
        "{first} から {last} 文字。空白を含むなら引用符で囲む",
    "{first} to {last} printable characters": "{first} から {last} 文字",
    'a user name: {first} to {last} ASCII characters without blanks, quotes, ":", "\\"':
        'ユーザー名: ASCIIの {first} から {last} 文字。空白、引用符、":"、"\\" は使えない',
    'a name: {first} to {last} of letters, digits, ".", "_", "-"':
        '名前: 英数字と "."、"_"、"-" で {first} から {last} 文字',
    "a sound device of alsa-lib, such as {first} or {second}": "alsa-lib の音声デバイス。例: {first}、{second}",
    "CHIP:LINE, such as {example}": "チップ:番号。例: {example}",
    "LEAST-MOST milliseconds within {first} to {last}": "最短-最長のミリ秒({first} から {last} の範囲)",
    "{first} to {last} digits, or a sip: address": "{first} から {last} 桁の数字、または sip: のアドレス",
    "a SIP URI without user, such as {example}": "ユーザー部のないSIPのURI。例: {example}",
    "a telephone number: {first} to {last} digits, with or without a leading +":
        "電話番号: {first} から {last} 桁。先頭に + があってもよい",
    "NUMBER to EXTENSION, such as {text}": "電話番号 to 内線番号。例: {text}",
    'a prefix: {first} to {last} of digits, "*", "#" (in quotes), with or without a leading +':
        '先頭の数字: 数字、"*"、"#"(引用符で囲む)で {first} から {last} 文字。先頭に + があってもよい',
    "dhcp, or ADDRESS/PREFIX such as {example}": "dhcp、またはアドレス/プレフィックス長。例: {example}",
    "an IPv4 address such as {example}": "IPv4アドレス。例: {example}",
    "an Ethernet address such as {example}": "MACアドレス。例: {example}",
    "an IPv4 network such as {example}": "IPv4ネットワーク。例: {example}",
    "the name of a domain such as {example}": "ドメイン名。例: {example}",
    "addresses separated by commas, or {first} to {last} ASCII characters without quotes and backslashes":
        "カンマ区切りのアドレス、または引用符と \\ のないASCIIの {first} から {last} 文字",
    "{first} to {last} as RFC 2474 has it, such as {example} for EF":
        "RFC 2474 の {first} から {last}。例: EF は {example}",
    "a port such as {first} or FIRST-LAST such as {second}": "ポート(例: {first})、または最初-最後(例: {second})",
    "a domain in small letters such as {example}": "小文字のドメイン名。例: {example}",
    "the name of a network interface, such as {example}": "ネットワークインターフェース名。例: {example}",
    "the name of a host: letters, digits and hyphens": "ホスト名: 英数字とハイフン",
    "the number of a DHCP option, such as {example}": "DHCPオプションの番号。例: {example}",
    "{first} to {last}": "{first} から {last}",
}
