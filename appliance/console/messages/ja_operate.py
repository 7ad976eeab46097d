# SPDX-License-Identifier: Apache-2.0
"""Japanese: what the commands of operational mode say beside their tables."""

SENTENCES = {
    "a terminal, where somebody can answer": "答えられる人のいる端末",
    "There are no telephones yet. `setup` sets up telephones and an outside line.":
        "電話機がまだありません。setup で電話機と外線を設定できます。",
    "  ... and {count} more": "  ... ほか {count} 件",
    "an address that `show bans` lists": "show bans にあるアドレス",
    "{interface}: {address} by DHCP from {server}, for another {rest}":
        "{interface}: {address} は {server} からDHCPで取得、残り {rest}",
    "for ever": "無期限",
    "registered": "登録中",
    "{address} is let in again": "{address} の締め出しを解きました",
    "call {number}: ": "通話 {number}: ",
    "evidence": "根拠",
    "remedy: ": "対処: ",
    "also: ": "ほかに: ",
    "{count} calls in progress; q ends": "進行中の通話 {count} 件。q で終わり",
    "SIP messages as they come and go; times are UTC; q ends": "SIPメッセージ。時刻はUTC。q で終わり",
    "... {count} messages were not shown: there are too many": "... {count} 件は多すぎるため表示していません",
    "     it is not up now: {reason}": "     いまは使えません: {reason}",
    "open to calls": "通話に開放",
    "carriers": "事業者",
    "shut out": "締め出し中",
    "nothing": "なし",
    "way": "行き先",
    "kind": "種類",
    "calls": "かける番号",
    "at (UTC)": "時刻(UTC)",
    "  {place}. trunk {trunk} is sent {number}": "  {place}. 外線 {trunk} に {number} を送る",
    "no alarms": "警報はありません",
    "the {subject} has no address: the DHCP server there lends {detail}, in the network of the other side":
        "{subject} にアドレスがありません。DHCPサーバーが貸し出す {detail} は、反対側のネットワークの中にあります",
    "LAN and WAN need different networks: set another network lan address, such as 192.168.77.1/24":
        "LANとWANには別のネットワークが必要です。network lan address を 192.168.77.1/24 などに変えてください",
    "the {subject} has no address: no DHCP server there lends one":
        "{subject} にアドレスがありません。DHCPサーバーから貸し出されていません",
    "see whether the router or modem there works and lends addresses; else set a fixed address":
        "そこのルーターやモデムが動作し、アドレスを貸し出しているか確かめるか、固定アドレスを設定してください",
    "the {subject} has no address: nothing is plugged in there":
        "{subject} にアドレスがありません。ケーブルがつながっていません",
    "plug in the cable; see whether the device at its other end is switched on":
        "ケーブルをつなぎ、反対側の機器の電源が入っているか確かめてください",
    "trunk {subject} is down: {detail}": "外線 {subject} は使えません: {detail}",
    "look at `show trunks`; ask the carrier if it stays so":
        "show trunks を見て、続くようなら事業者に問い合わせてください",
    "calls by trunk {subject} do not go out: its carrier does not accept our user name or password ({detail})":
        "外線 {subject} から発信できません: 事業者がユーザー名かパスワードを受け付けません ({detail})",
    "calls by trunk {subject} do not go out: its carrier refuses every one ({detail})":
        "外線 {subject} から発信できません: 事業者がすべての通話を拒んでいます ({detail})",
    "ask the carrier whether the line is barred and the account in order; `explain call N` says what it answered":
        "発信規制や契約の状態を事業者に問い合わせてください。事業者の応答は explain call N で見られます",
    "trunk {subject} is down: its carrier does not accept our user name or password ({detail})":
        "外線 {subject} は使えません: 事業者がユーザー名かパスワードを受け付けません ({detail})",
    "compare number, username and secret of the trunk with the carrier's letter":
        "外線の number、username、secret を事業者の通知書と見比べてください",
    "trunk {subject} is down: its carrier refuses to register us ({detail})":
        "外線 {subject} は使えません: 事業者が登録を拒んでいます ({detail})",
    "compare domain, number and registrar of the trunk with the carrier's letter; ask the carrier":
        "外線の domain、number、registrar を事業者の通知書と見比べ、事業者に問い合わせてください",
    "trunk {subject} is down: its carrier cannot be reached ({detail})":
        "外線 {subject} は使えません: 事業者に届きません ({detail})",
    "see whether the line to the internet works, and whether registrar, proxy or peer of the trunk are right":
        "インターネット回線と、外線の registrar、proxy、peer を確かめてください",
    "trunk {subject} is down: the name of its carrier cannot be looked up ({detail})":
        "外線 {subject} は使えません: 事業者の名前をDNSで引けません ({detail})",
    "look at `show dns`; see whether the name of the registrar or proxy is written as the carrier has it":
        "show dns を見て、registrar や proxy の名前が事業者の通知どおりか確かめてください",
    "trunk {subject} is down: the interface of its listener has no address":
        "外線 {subject} は使えません: リスナーのインターフェースにアドレスがありません",
    "look at `show interfaces`; see whether the cable and the line to the internet work":
        "show interfaces を見て、ケーブルとインターネット回線を確かめてください",
    "emergency numbers cannot be reached: no trunk that carries emergency calls is up ({subject})":
        "緊急通報ができません: 緊急通報を運ぶ外線がどれも使えません ({subject})",
    "mend the trunk; until then call for help by another telephone":
        "外線を直してください。それまでは別の電話で通報してください",
    "no handset is configured": "受話器は設定されていません",
    "no handset runs on this machine\n"
    "where one is to be: `set handset NAME device DEVICE`, then `commit`; `show log` says why":
        "この装置では受話器が動いていません\n"
        "使うには set handset NAME device DEVICE のあと commit。失敗の理由は show log にあります",
    "handset {subject} has no sound: {detail}": "受話器 {subject} は音が出ません: {detail}",
    "see whether the sound card is plugged in, nothing else uses it, and `device` of the handset names it":
        "サウンドカードがつながっているか、ほかで使われていないか、受話器の device が正しいか確かめてください",
    "handset {subject} does not take its own echo out: {detail}":
        "受話器 {subject} は自分のエコーを消していません: {detail}",
    "install python3-cffi and libspeexdsp1, or set `echo-cancel` of the handset to false":
        "python3-cffi と libspeexdsp1 を入れるか、受話器の echo-cancel を false にしてください",
    "handset {subject} can neither call nor be called: the server does not know it ({detail})":
        "受話器 {subject} は発信も着信もできません: サーバーに登録されていません ({detail})",
    "look at `show handset`; see whether its extension exists and a listener of the office speaks udp":
        "show handset を見て、内線があるか、udp を話すリスナーがあるか確かめてください",
    "somebody has called for help on handset {subject} and could not be connected: {detail}":
        "受話器 {subject} からの緊急通報がつながりませんでした: {detail}",
    "see who needs help; this ends with the next call that the handset makes or takes":
        "だれが助けを求めているか確かめてください。この受話器で次に通話すると消えます",
    "handset {subject} cannot use a pin: {detail}": "受話器 {subject} は端子を使えません: {detail}",
    "see whether `hook`, `ringer` and `lamp` of the handset name lines of a chip that nothing else uses":
        "受話器の hook、ringer、lamp が、ほかで使われていない線を指しているか確かめてください",
    "handset {subject} does not work: {detail}": "受話器 {subject} は動いていません: {detail}",
    "see whether `listen` of the handset is an address of this machine with a port that nothing else uses":
        "受話器の listen がこの装置のアドレスで、空いているポートか確かめてください",
    "a bug of ours was met and survived among the handsets: {detail}":
        "受話器のプログラムの不具合が起きましたが、動き続けています: {detail}",
    "send the journal's internal_error lines to the makers":
        "ジャーナルの internal_error の行を開発元に送ってください",
    "nobody is shut out": "締め出し中のアドレスはありません",
    "unknown": "不明",
    "no calls": "通話はありません",
    "no name server": "ネームサーバーはありません",
    "no rules are in force": "有効な規則はありません",
    "no interface is managed": "管理しているインターフェースはありません",
    "{value} of 4.5": "4.5 のうち {value}",
    "the trace no longer holds the messages of this call": "この通話のメッセージはもう残っていません",
    "# *: the same octets once more": "# *: 同じものの再送",
    "# {source} spoke {codec}: {packets} packets, {loss} % lost, jitter {jitter} ms, estimate {opinion}":
        "# {source} からの {codec}: {packets} パケット、損失 {loss} %、揺らぎ {jitter} ms、推定 {opinion}",
    "some codec": "不明な符号",
    "no address is given to anybody": "貸しているアドレスはありません",
    "the journal is empty": "ジャーナルは空です",
    "no records": "通話記録はありません",
    "no phone is registered": "登録中の電話機はありません",
    "no revisions yet": "過去の設定はまだありません",
    "nobody watches anything": "見ている人はいません",
    "no listener speaks tls": "tls を話すリスナーはありません",
    "no failed handshakes": "失敗したハンドシェイクはありません",
    "no trunk is configured": "外線は設定されていません",
    "{trunk}: last failure {at} UTC: {reason}": "{trunk}: 最後の障害 {at} UTC: {reason}",
    "no message waits": "待っているメッセージはありません",
    "{count} lines": "{count} 行",
}
