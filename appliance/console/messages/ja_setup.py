# SPDX-License-Identifier: Apache-2.0
"""Japanese: the wizard and its cards."""

SENTENCES = {
    "A few questions; enter takes what stands in [brackets], ctrl-C leaves all as it is.":
        "いくつか質問します。Enter だけなら [ ] の中になります。ctrl-C で何も変えずに終わります。",
    "This would change:": "次のように変わります:",
    "Make it run": "動作に移しますか",
    "Keep it": "このまま確定しますか",
    "It is taken back by itself; `confirm` keeps it.": "自動で元に戻ります。confirm で確定します。",
    "Nothing was changed.": "何も変えていません。",
    "Extension": "内線番号",
    "Password": "パスワード",
    "Server": "サーバー",
    "Domain": "ドメイン",
    "yes": "はい",
    "no": "いいえ",
    "Language": "言語",
    "Country (two letters)": "国(2文字)",
    "The outside line: jp-050 for 050 services with a password, hikari-direct for\n"
    "NTT Hikari-denwa without its home gateway, generic for any other, or none.":
        "外線の事業者: jp-050 はパスワードのある 050 番号のサービス、hikari-direct は\n"
        "ホームゲートウェイのない NTT ひかり電話、generic はその他、none は外線なし。",
    "Outside line": "外線",
    "Its server (registrar), such as sip.carrier.example": "サーバー(登録先)、例: sip.carrier.example",
    "Its number": "電話番号",
    "Its number, or number@domain": "電話番号、または 番号@ドメイン",
    "Its domain, such as ntt-east.ne.jp": "ドメイン、例: ntt-east.ne.jp",
    "Does this line carry emergency calls (110, 118, 119 in Japan)": "緊急通報(110、118、119)ができる回線ですか",
    "one: this box has one cable, behind a router. router: the box is the router.":
        "one: ルーターの下に1本のケーブルでつなぐ。router: この機械がルーターになる。",
    "How many telephones": "電話機の台数",
    "User name": "ユーザー名",
    "Cables": "つなぎ方",
    "see `show interfaces`": "show interfaces で確認",
}
