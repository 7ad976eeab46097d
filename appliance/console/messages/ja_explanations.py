# SPDX-License-Identifier: Apache-2.0
"""Japanese: why a call went as it did, what proves it, and what to do."""

SAID = {
    # how it went
    "the call is {state}; nothing has gone wrong yet": "通話は進行中({state})です。まだ問題はありません",
    "nothing wrong": "問題ありません",
    "nothing wrong so far: the call goes on": "今のところ問題ありません。通話中です",
    "not known: what is left of the call does not say why it failed":
        "不明です。残っている記録からは、つながらなかった理由が分かりません",
    "the ACK of {who} never arrived": "{who} からの ACK が届きませんでした",
    "the call was ended to free its line for an emergency call": "緊急通報に回線を空けるため、通話を終わらせました",
    "the telephone system was stopped": "電話システムを停止しました",
    "the call was ended after {seconds} s because nobody refreshed its session":
        "セッションが更新されなかったため、{seconds} 秒で通話を終わらせました",
    "the network to {who} was lost during the call": "通話中に {who} へのネットワークが途切れました",
    "no trunk was up: {cause}": "使える外線がありませんでした: {cause}",
    "trunk {trunk} did not answer at all": "外線 {trunk} から応答がまったくありませんでした",
    "no server was found for what was dialled: {text}": "ダイヤルした先のサーバーが見つかりません: {text}",
    "no server was found for the phone of {number}: {text}": "{number} の電話機のサーバーが見つかりません: {text}",
    "the phone of {number} at {address} does not answer": "{number} の電話機({address})が応答しません",
    "no phone of {number} is registered: wrong user name or password":
        "{number} の電話機が登録されていません: ユーザー名かパスワードが違います",
    "no phone of {number} is registered": "{number} の電話機が登録されていません",
    "{number} is busy": "{number} は話し中です",
    "{number} declined the call": "{number} は着信を断りました",
    "{who} does not know the number {number}": "{who} に {number} という番号はありません",
    "{number} was called from outside, and nobody has it: {text}":
        "外から {number} に着信しましたが、割り当てがありません: {text}",
    "there is no extension, no service and no route for {number}": "{number} に当たる内線も特番も経路もありません",
    "a rule of the office forbids this call: {text}": "事業所の規則でこの通話は許可されていません: {text}",
    "a rule of the office forbids this call": "事業所の規則でこの通話は許可されていません",
    "every channel of trunk {trunk} was in use": "外線 {trunk} の回線がすべて使用中でした",
    "the caller gave up while it rang, after {seconds} s": "呼び出し中に発信者が {seconds} 秒で切りました",
    "the caller gave up before anything rang, after {seconds} s": "呼び出しの前に発信者が {seconds} 秒で切りました",
    "{number} rang, and nobody answered for {seconds} s":
        "{number} を {seconds} 秒呼び出しましたが、応答がありませんでした",
    "no port was left for the voice of this call": "この通話の音声に使えるポートが残っていませんでした",
    "the call was turned away: {text}": "通話を断りました: {text}",
    "the telephone system had more calls than it can carry and turned this one away":
        "扱える数を超えたため、この通話を断りました",
    "the caller offered no codec that can be carried": "発信者の示したコーデックに使えるものがありませんでした",
    "{who} takes none of the codecs offered ({text})": "{who} は示されたコーデックをどれも使えません({text})",
    "{who} takes none of the codecs offered": "{who} は示されたコーデックをどれも使えません",
    "{who} refused the call: {text}": "{who} が通話を断りました: {text}",
    "nothing was heard from {who}: {cause}": "{who} の声が届きませんでした: {cause}",
    "nothing was heard from either side": "どちらの声も届きませんでした",
    "what came from {who} sounded badly": "{who} からの音質が悪くなりました",
    "trunk {trunk} cannot be reached": "外線 {trunk} に届きません",
    "the carrier of trunk {trunk} does not accept our user name or password":
        "外線 {trunk} の事業者がユーザー名かパスワードを受け付けません",
    "the name of trunk {trunk}'s server leads nowhere": "外線 {trunk} のサーバー名が引けません",
    "the carrier of trunk {trunk} refuses to register us": "外線 {trunk} の事業者が登録を断っています",
    "the carrier of trunk {trunk} is overloaded": "外線 {trunk} の事業者が混み合っています",
    "the listener of trunk {trunk} is not open yet": "外線 {trunk} のリスナーがまだ開いていません",
    "every channel of trunk {trunk} is in use": "外線 {trunk} の回線がすべて使用中です",
    "it refused the sound (port 0)": "音声を断りました(ポート 0)",
    "it had put the call on hold": "保留にしていました",
    "its packets came from {address}, not from the address that it announced":
        "パケットが、知らせてきたアドレスではなく {address} から来ました",
    "it sent a codec that was not agreed": "取り決めていないコーデックを送ってきました",
    "what it sent is no RTP": "送ってきたものはRTPではありません",
    "no packet came from it at all": "パケットがまったく来ませんでした",
    "extension {name}: {cause}": "内線 {name}: {cause}",
    "trunk {name}: {cause}": "外線 {name}: {cause}",
    "only few packets came from it": "パケットがわずかしか来ませんでした",
    "one side": "一方",
    "trunk {trunk}": "外線 {trunk}",
    # what proves it
    "{cause}, after {count} more like it": "{cause}(その前に同様のもの {count} 件)",
    "{text} to {method} sent to {address}": "{address} に {method} への {text} を送信",
    "{text} to {method} came from {address}": "{address} から {method} への {text} を受信",
    "{method} sent to {address}": "{address} に {method} を送信",
    "{method} came from {address}": "{address} から {method} を受信",
    "the 200 was sent {count} times in {seconds} s; its Contact is missing":
        "200 を {seconds} 秒に {count} 回送信。Contact なし",
    "the 200 was sent {count} times in {seconds} s; its Contact is {text}":
        "200 を {seconds} 秒に {count} 回送信。その Contact は {text}",
    "the session with {who} ran out": "{who} とのセッションの期限が切れました",
    "the session was to be refreshed within {limit} s; {seconds} s passed":
        "セッションは {limit} 秒以内に更新のはずが、{seconds} 秒たちました",
    "{count} packets had come from there before": "それまでに {count} パケットが来ていました",
    "{count} packets came from {who}, {other_count} from {whom}":
        "{who} から {count} パケット、{whom} から {other_count} パケット",
    "{count} packets came from {who}": "{who} から {count} パケット",
    "trunk {trunk} is {state} now: {cause}": "外線 {trunk} は今 {state}: {cause}",
    "trunk {trunk} is {state} now": "外線 {trunk} は今 {state}",
    "trunk {trunk} carries {count} of {limit} calls now": "外線 {trunk} は今 {limit} 件中 {count} 件を運んでいます",
    "480 without any phone tried": "どの電話機も試さずに 480",
    "{status} from {who}": "{who} から {status}",
    "{status} from {who}: it takes {text}": "{who} から {status}: 使えるのは {text}",
    "{status} from {who}: it does not say what it takes": "{who} から {status}: 使えるものの記載なし",
    "{status}, and nobody was tried": "{status}。どこも試していません",
    "noted: {text}": "記録: {text}",
    "Warning: {text}": "警告(Warning): {text}",
    "{status} sent: {text}": "{status} を送信: {text}",
    "offered: no codec that we can read": "提示: 読めるコーデックなし",
    "offered: {text}": "提示: {text}",
    "offered to {who}: nothing": "{who} への提示: なし",
    "offered to {who}: {text}": "{who} への提示: {text}",
    "{whom} announced {address} with no codec": "{whom} は {address} を通知(コーデックなし)",
    "{whom} announced {address} with {text}": "{whom} は {address} を通知({text})",
    "{loss} % of its packets were lost, jitter {jitter} ms, estimate {opinion} of 4.5":
        "パケットの {loss} % を損失、揺らぎ {jitter} ms、推定 {opinion}(4.5 が最良)",
    "somebody called {number}": "だれかが {number} に発信",
    "{caller} called {number}": "{caller} が {number} に発信",
    "answered": "応答",
    "ended by the caller": "発信側が終了",
    "ended by the callee": "着信側が終了",
    "ended by the server": "この機械が終了",
    "ended": "終了",
    "the caller was told {status}": "発信者には {status} を返しました",
    "no final response is known": "最終応答の記録がありません",
    "the trace no longer holds its messages": "メッセージはもう残っていません",
    # what to do
    "look whether {address} can reach {text}: a NAT or a firewall may stand between, or it goes by a Record-Route that "
    "leads nowhere":
        "{address} から {text} に届くか確かめてください。"
        "間にNATやファイアウォールがあるか、行き先のない Record-Route を使っています",
    "more channels on the trunk keep this from happening": "外線の回線数を増やせば起きません",
    "the side that agreed to refresh the session has not: a bug of its, or no way to us":
        "更新するはずの側がしていません。その不具合か、こちらへの経路がありません",
    "look at the cable, the power and the wireless network on that side":
        "その側のケーブル、電源、無線を確かめてください",
    "compare `trunk {trunk} username` and `trunk {name} secret` with what the carrier has given you":
        "`trunk {trunk} username` と `trunk {name} secret` を事業者の通知と比べてください",
    "look at the way to the outside, and at `trunk {trunk} registrar` or `peer`":
        "外への経路と `trunk {trunk} registrar` または `peer` を確かめてください",
    "look at `show dns`, and at the name in `trunk {trunk} registrar`":
        "`show dns` と `trunk {trunk} registrar` の名前を確かめてください",
    "ask the carrier; `show trunks` has its words": "事業者に尋ねてください。相手の言葉は `show trunks` にあります",
    "wait; the carrier has asked for patience": "お待ちください。事業者が待つよう求めています",
    "look at `show interfaces`: the interface of its listener has no address yet":
        "`show interfaces` を確かめてください。リスナーのインターフェースにまだアドレスがありません",
    "wait, or raise `trunk {trunk} channels` if the carrier gives more":
        "待つか、事業者が認めるなら `trunk {trunk} channels` を増やしてください",
    "wait, raise `trunk {trunk} channels` if the carrier gives more, or add another trunk to the route":
        "待つか、事業者が認めるなら `trunk {trunk} channels` を増やすか、経路に外線を追加してください",
    "look at `show trunks`": "`show trunks` を確かめてください",
    "look at `show dns`, and at the address dialled": "`show dns` とダイヤルしたアドレスを確かめてください",
    "look at `show dns`, and at the Contact or Path in `show registrations`":
        "`show dns` と `show registrations` の Contact または Path を確かめてください",
    "look whether it has power and network; it counts as registered for a while":
        "電源とネットワークを確かめてください。しばらくは登録中とみなされます",
    "compare the phone's password with `extension {number}`'s":
        "電話機のパスワードを `extension {number}` のものと比べてください",
    "look at `show registrations`, and at the phone of {number}: server, user name, password":
        "`show registrations` と、{number} の電話機のサーバー、ユーザー名、パスワードを確かめてください",
    "look whether the number was dialled as the other side wants it":
        "番号が相手の求める形でダイヤルされたか確かめてください",
    "give the number to an extension: `set trunk NAME did NUMBER to EXTENSION`":
        "番号を内線に割り当ててください: `set trunk 名前 did 番号 to 内線`",
    "look at the extensions and at `set route`: a prefix may be missing":
        "内線と `set route` を確かめてください。先頭の数字が足りないのかもしれません",
    "look at `extension N allow` and at the route's `allow`, if the call is to be permitted":
        "許可するなら `extension N allow` と経路の `allow` を確かめてください",
    "look at `show calls`, and how many ports are configured: a voice call needs four":
        "`show calls` と設定したポートの数を確かめてください。1通話に4つ要ります",
    "wait a moment; look at `show statistics`: who calls so often?":
        "しばらく待ってください。だれが何度もかけているか `show statistics` で確かめてください",
    "look at `show statistics`: who sends so many calls?":
        "だれが多くの通話を送っているか `show statistics` で確かめてください",
    "allow the caller's phone one of {text}": "発信者の電話機で {text} のどれかを使えるようにしてください",
    "set one codec that both have, PCMU or PCMA, in the phone":
        "両方にあるコーデック(PCMU か PCMA)を電話機に設定してください",
    "look at `show call {number} ladder` soon after such a call":
        "次に起きたら、すぐに `show call {number} ladder` を見てください",
    "look at its codecs, or replace its firmware": "コーデックの設定を確かめるか、ファームウェアを替えてください",
    "look at its codecs": "コーデックの設定を確かめてください",
    "let the phone announce its real address, or mark it as being behind a NAT":
        "電話機に本当のアドレスを通知させるか、NATの内側と設定してください",
    "look whether it encrypts (SRTP) without saying so": "断りなく暗号化(SRTP)していないか確かめてください",
    "look for a firewall or a NAT between it and us; a phone that is mute on purpose still sends":
        "間のファイアウォールかNATを確かめてください。消音中の電話機もパケットは送ります",
    "look at its network": "そのネットワークを確かめてください",
    "look for a firewall that lets signalling through and media not: `media ports` has the range":
        "信号だけ通して音声を通さないファイアウォールがないか確かめてください。範囲は `media ports`",
    "look at the network towards it": "そこへのネットワークを確かめてください",
    "{who}: {cause}": "{who}: {cause}",
}
