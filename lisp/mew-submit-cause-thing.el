;;; mew-submit-cause-thing.el --- Words for who and what a refusal is about -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The mew-submit authors
;; SPDX-License-Identifier: GPL-3.0-or-later

;;; Commentary:

;; A table: the words by which servers speak of people, mail and programs, in their
;; languages.  What is the matter with those is in mew-submit-cause-matter.el.

;;; Code:

;; After the notion: words and phrases, with "," between them; without accents; a "*"
;; at the end stands for any ending.  In order: English, then German, French, Spanish,
;; Portuguese, Italian, Dutch, Scandinavian, Polish, Czech, Russian, Turkish and other
;; languages, Chinese, Japanese, Korean.
(defconst mew-submit-cause-thing--rows
  '((user
     "your account, your mailbox, your user, ihr konto, votre compte, su cuenta, sua conta,
il tuo account, la tua casella, uw account, twoje konto, vas ucet, hesabiniz, ваш аккаунт,
ваша учетная запись, 您的帐号, 您的账号, user, users, userid, account*, acct, login name,
benutzer*, konto, kontos, nutzer, utilisateur*, compte, usuario*, cuenta*, conta, utente,
gebruiker*, brugere, bruger, anvandare*, bruker*, kayttaj*, uzytkownik*, konta, uzivatel*,
uctu, ucet, kullanic*, hesap*, hesab*, felhasznalo*, utilizator*, пользовател*, учетн*,
аккаунт*, користувач*, 用户, 帐号, 账号, 帐户, 账户, 帳號, 使用者, ユーザ, アカウント, アカウントがロックされ, 사용자,
계정, kasutaja*, korisni*, uporabni*, vartotoj*, lietotaj*, потребител*, χρηστη*, المستخدم,
مستخدم, حساب, כתובת המשתמש, משתמש, המשתמש, کاربر, उपयोगकर्ता, ผู้ใช้, บัญชี, pengguna, akun,
nguoi dung, tai khoan, subscriber, customer, login id, account holder, employee")
    (mailbox
     "mailbox*, mail box, inbox, mailfolder, mail folder, maildrop, postfach*, mailbox des,
boite*, boite aux lettres, boite mail, buzon*, caixa postal, caixa de correio,
caixa de entrada, caixa, casella*, postvak*, brievenbus*, mailboks, brevlada*, inkorg*,
postkass*, innboks*, postilaatik*, skrzynk*, schrank*, posta kutusu, kutusu, postafiok*,
cutia postal*, casuta, ящик*, скриньк*, 邮箱, 信箱, 郵箱, メールボックス, 受信箱, 사서함,
메일함, 편지함, 우편함, postni predal*, predal*, spremnik*, sanducic*, postkast*, pastkast*,
pasto dezut*, θυριδα*, γραμματοκιβωτιο*, صندوق البريد, صندوق, תיבת הדואר, תיבה, กล่องจดหมาย,
ตู้จดหมาย, kotak surat, kotak masuk, hop thu, मेलबॉक्स, поштова скринька, mbox, mail drop,
пощенска кутия, пощенската кутия, mail account, email account, e mail account, maildir,
inbox of, mail file, mailfile, mail folder of, mail store of, post box, postbox")
    (recipient
     "cannot be delivered, could not be delivered, cant be delivered, delivery error,
recipient*, rcpt, rcpts, rcptto, rcpt to, addressee*, receiver*, receiving user, empfanger*,
empfaenger*, adressat*, destinataire*, destinatario*, destinatari*, ontvanger*, geadresseerde*,
mottagar*, mottaker*, modtager*, vastaanottaj*, odbiorc*, adresat*, prijemc*, alici*, cimzett*,
primatel*, получател*, адресат*, одержувач*, 收件人, 收信人, 收件者, 接收者, 受信者, 宛先,
수신자, 수신인, 받는 사람, 받는사람, saaja*, prejemnik*, gavej*, sanem*, παραληπτη*, المستلم,
المرسل إليه, נמען, הנמען, ผู้รับ, penerima, nguoi nhan, destination address, target address,
envelope to, forward path, your correspondent, delivery to, message to addr, mail to addr,
email to addr, intended recipient*")
    (sender
     "sender*, mailfrom, mail from, envelope from, header from, from address, return path,
originator, absender*, expediteur*, emetteur*, remitente*, remetente*, emisor, mittente*,
afzender*, avsandar*, avsender*, afsender*, lahettaj*, nadawc*, odesilatel*, odosielatel*,
gonderen*, gonderici*, felado*, expeditor*, отправител*, відправник*, 发件人, 发信人, 发送者,
寄件者, 寄件人, 送信者, 差出人, 送信元, 발신자, 보낸 사람, 보내는 사람, 발송자, saatja*,
posiljatelj*, siuntej*, sutitaj*, αποστολε*, المرسل, שולח, השולח, ผู้ส่ง, pengirim, nguoi gui,
подател*, envelope, send address, sending address, reverse path, return path address,
originating address, from line, email from, emails from, messages from, mails from,
message from, your email address, your e mail address")
    (address
     "address, addresses, must specify a domain, adress, e mail address, email address, mail address, adresse,
adressen, mailadresse, emailadresse, adresse e mail, courriel, direccion*, endereco*,
indirizz*, adres, adresu, adresa, adresy, e mail adres, adresse mail, adresi, osoite*, адрес,
адреса, адресе, 地址, アドレス, 주소")
    (domain
     "domain, domains, domainname*, domaine*, dominio*, domein*, domane*, domaene*, domena*,
domeny, domeen*, domeniu*, doman, domeni*, verkkotunnus, etki alani, alan adi, домен*, 域名,
域, ドメイン, 도메인, empfangerdomain*, empfaengerdomain*")
    (server
     "server, servers, mailserver*, mail server, host, client, client host, mta, serveur*,
servidor*, serwer*, servr*, palvelin, sunucu*, kiszolgalo, сервер*, 服务器, 伺服器, サーバ,
サーバー, 서버, qq com")
    (ip
     "ip, ipaddr, ips, ip address, ip addresses, ipv4, your network, your mail server,
your server, sending server, remote host, connecting host, ip adresse, adresse ip,
direccion ip, endereco ip, indirizzo ip, ip adres, adres ip, adresi ip, ip adresi, ip adresa,
ip адрес*, ip 地址, ipアドレス, 客户端, your host")
    (message
     "message, messages, mail, mails, email, emails, e mail, e mails, msg, nachricht*,
mensaje*, mensagem, mensagens, messaggi*, bericht*, meddeland*, melding*, wiadomosc*, poczt*,
zprav*, ileti*, uzenet*, mesaj*, viesti*, сообщени*, письм*, повідомленн*, лист, 邮件, 郵件,
信件, メール, メッセージ, 메일, 메시지, sporocil*, poruk*, kiri, zinut*, laisk*, vestul*,
μηνυμα*, رسالة, الرسالة, הודעה, ההודעה, ข้อความ, pesan, thu dien tu, съобщени*")
    (content
     "content*, is duplicated, message body, body, inhalt*, contenu, contenido, conteudo, contenuto, inhoud,
innehall*, tresc*, obsah*, icerik*, содержани*, содержим*, 内容, 內容, 本文, 내용, words, wording,
word, phrase, phrases, keyword*, expression, html, text of, html tag")
    (attachment
     "docm, xlsm, exe files, pif files, scr files, files are not allowed, files are not accepted, banned exe, exe, zip, dangerous file*,
attachment*, executable*, file type, file types, filetype, file name, filename, file extension,
banned file*, zip file*, anhang*, dateianhang*, dateityp, anlage, anlagen, piece jointe,
pieces jointes, fichier*, adjunto*, archivo*, anexo*, allegat*, bijlage*, bilag*, bifogad*,
vedlegg, liitetiedosto*, liite, zalacznik*, priloh*, dosya*, eki, mellekle*, вложени*, 附件,
添付, 첨부, priponk*, prilog*, manus*, pried*, συνημμεν*, المرفق, קובץ מצורף, ไฟล์แนบ,
lampiran, tep dinh kem, прикачен*, archive, archives, archiv, file with, files with,
file of type, files of type, files of this, unwanted file*, unwanted attachment*,
unwanted extension*, extension, extensions, macro, macros, macro enabled, documents, document,
encrypted archive*, password protected, protected archive, script file*, blocked mime part,
blocked mime, forbidden mime, mime part blocked, eingebetteten bildern, embedded images")
    (url
     "domain in message, blacklisted link, shortener*, url, urls, uri, uris, uribl, surbl,
link, links, hyperlink*, dbl url, lien, liens, enlace*, verweis*, collegament*, koppeling*,
lank, odnosnik*, odkaz*, baglanti*, ссылк*, 链接, 連結, リンク, 링크, web address,
web addresses, shortened, domain found in, link in, sites you link, site you link,
sites you link to, linked site*")
    (header
     "header, headers, header field*, headerfield*, kopfzeile*, en tete*, entete*, cabecera*,
encabezado*, cabecalho*, intestazion*, koptekst*, rubrik*, naglowek*, naglowk*, hlavick*,
baslik*, basligi, заголов*, 信头, 邮件头, 标头, ヘッダ, ヘッダー, 헤더, message id,
mime version, content transfer encoding, subject is mandatory")
    (field
     "boundary, multipart, mime part*, mime structure, subject*, message id, messageid,
date header, date field, from header, from field, to header, reply to, mime, rfc 5322, rfc5322,
rfc 2822, rfc2822, rfc 822, rfc822, content type, resent, bcc, sender header,
return path header, from lines, from line, date line, subject line, to line, two from,
no subject, no date, no from, received header")
    (password
     "password*, passwd, passphrase, passwor*, kennwort*, passwort*, mot de passe, contrasena*,
clave, senha*, palavra passe, wachtwoord*, losenord*, passord*, adgangskode*, kodeord*,
salasan*, haslo*, hasla, hesl*, sifre*, parola*, jelszo*, lozink*, парол*, 密码, 密碼, 口令,
パスワード, 비밀번호, 암호, salasona*, slaptazod*, parole, geslo, parool*, κωδικο*,
συνθηματικ*, كلمة المرور, كلمة السر, סיסמה, הסיסמה, סיסמא, رمز عبور, گذرواژه, पासवर्ड, รหัสผ่าน,
kata sandi, sandi, mat khau, парола*")
    (username
     "username*, user name, login, user id, user name or, benutzername*, nom d utilisateur,
nom dutilisateur, identifiant, nombre de usuario, nome de usuario, nome utente, gebruikersnaam,
anvandarnamn, brugernavn, brukernavn, nazwa uzytkownika, uzivatelske jmeno, kullanici adi,
имя пользователя, имени пользователя, логин*, 用户名, ユーザー名, 사용자 이름, kasutajanimi,
kasutajatunnus, korisnicko ime, uporabnisko ime, vartotojo vardas, lietotajvards,
потребителско име, ονομα χρηστη, اسم المستخدم, שם משתמש, שם המשתמש, نام کاربری, ชื่อผู้ใช้,
nama pengguna, ten dang nhap, kayttajatunnus, kayttajanimi")
    (credential
     "credential*, zugangsdaten, anmeldedaten, anmeldeinformationen, identifiants, credencial*,
credenzial*, inloggegevens, inloggningsuppgifter, loginoplysninger, dane logowania,
danych logowania, prihlasovaci udaje, kimlik bilgi*, учетные данные, учетных данных, 凭据,
资格情報, 자격 증명, authentication data, authentication information, authinfo, authcid,
login data, username password, secret")
    (auth
     "logga in, kirjaudu*, melden sie sich, loggen sie, connectez vous, inicie sesion,
faca login, faca o login, effettua il login, log in op, zaloguj*, войдите, authentication*,
auth, authenticat*, authentif*, authentisier*, authorisation, authentic*, smtp auth, smtpauth,
sasl, esmtpa, log in, logged in, login failed, sign in, logon, logging in, anmeld*, angemeld*,
eingeloggt, identifi*, connexion refusee, autentic*, iniciar sesion, sesion, aanmeld*,
aangemeld*, inlogg*, autentiser*, autentificar*, logg inn, log ind, uwierzytel*, autoryzac*,
logowan*, zalogowa*, autentiz*, prihlas*, overeni, kimlik dogrulama*, oturum*, hitelesit*,
bejelentkez*, авториз*, аутентиф*, авторизац*, вход, 认证, 验证, 登录, 身份验证, 登入, 驗證,
認証, ログイン, 인증, 로그인, prijav*, sisselogimi*, prisijung*, autentifikac*, συνδεση,
ταυτοποιηση, تسجيل الدخول, התחברות, אימות, ورود, เข้าสู่ระบบ, masuk, dang nhap, xac thuc,
удостовер*, pop before smtp, pop apop, apop, pop authorization, authorization required,
check your mail first, check mail first, receive mail first, 登陆, log on, sign on,
identify first, verified user, identify yourself first, log yourself in, log on first,
who are you, receive your mail before, check your mail before, fetch your mail before,
retrieve your mail before")
    (relay
     "relay, relaying, relayed, relays, relay access, relaybetrieb, weiterleitung*, relais,
relayer, retransmis*, reenvio, reenviar, inoltro, doorsturen, relaas, vidarebefordr*,
przekazywan*, relayovani, predavani, yonlendirme*, ретрансл*, релей*, пересылк*, 中继, 转发,
轉發, 轉信, 转信, 中継, 릴레이, 중계, rcpthosts, rcpt hosts, third party, open relay,
local domain, local domains, not local, not hosted, not one of our domains, not our domain,
remote domain, remote domains, local delivery, must be local, forwarding to, mail forwarding,
foreign hosts, foreign host, served here")
    (connection
     "connection*, connect, connected, session*, concurren*, simultaneous*, parallel,
verbindung*, verbinden, connexion*, conexion*, conexao, conexoes, conness*, verbinding*,
anslutning*, forbindelse*, tilkobling*, polaczen*, spojeni, pripojen*, baglanti*, соединени*,
подключени*, 连接, 連接, 連線, 接続, 연결, 접속")
    (helo
     "hello name, hello command, hello host, bad hello, invalid hello, hostname in helo,
helo host name, ehlo argument, helo argument, helo argument s, helo, ehlo, helo name,
ehlo name, helo ehlo, helo host, helo command, helohost, introduce yourself, identify yourself,
helohost error, hello string, call yourself, calls itself, calling yourself")
    (ptr
     "resolve to a name, resolve to a host*, does not resolve to, no dns entry for your ip,
unverifyable sending, unverifiable sending, in addr arpa, ip name lookup, name lookup failed,
ip name possibly forged, possibly forged, bad dns ptr, find your hostname,
find your reverse hostname, resolve your hostname, resolve your ip, dns ptr, forward dns,
no rdns, missing rdns, reverse dns, rdns, ptr, ptr record*, ptr resource, ptr eintrag,
reverse lookup*, reverse entry, reverse name*, reverse hostname, reverse host, revdns,
reverse zone, fcrdns, reverse mapping, cannot find your hostname,
cannot find your reverse hostname, hostname lookup, host name lookup,
cannot resolve your address, cannot resolve your ip*, cannot resolve ptr, no hostname,
forward confirmed, generic rdns, no name for your ip, has no name, dns name,
ruckwartsauflosung*, reverse eintrag, resolution inverse, dns inverse, inverse, dns inverso*,
dns reverso*, reverso*, inverso*, revers*, odwrotn*, rewers*, reverzn*, zpetn*, ters dns,
обратн*, 反向, 反向解析, 反解, 逆引き, 逆引, 역방향, r dns, unresolvable relay*,
unresolvable client*, unresolvable host*, relay host name, hostname mismatch, no name in dns,
mismatched dns, ip must resolve, sender ip must resolve, rp rdn, name of your ip, fcr dns")
    (spf
     "permitted sender, authorized sender for, not permitted to send mail for,
authorized to send for, not a permitted sender, authorized mail server,
not authorized to send mail from, not authorized to send messages from, not an authorized, allowed to send mail for, spf, dkim, dkim2,
dmarc, sender policy framework, openspf, domainkeys, sender id, adsp, alignment, spf record*,
spf check*, domain authentication, email authentication, sender authentication,
unauthenticated sender, sender is unauthenticated, unauthenticated email,
authentication requirements, required authentication level, must be authenticated by, arc seal,
not authorized to send on behalf, not authorized to send mail for, not authorized to use,
not designated as permitted sender, purported responsible address, senders policy,
sender policy, sending domain policy, domain owner policy, domain owners policy, p quarantine,
authorised by the domain, authorized by the domain, unsigned, not signed, not dkim signed,
domain signature, aligned, not aligned, designated to send for, not designated to, p reject,
your domains policy, own servers, domains own servers, must come from")
    (tls
     "tls, starttls, ssl, encrypt*, verschlussel*, verschluessel*, ssltls, chiffr*, cifrad*,
cifrat*, criptograf*, crittograf*, versleutel*, krypter*, szyfrowan*, sifrovan*, sifrel*,
secure connection, cleartext, clear text, plaintext, plain text, unencrypted,
insecure connection, non secure, зашифров*, шифров*, 加密, 暗号, 암호화, sichere verbindung,
unverschlussel*, unverschluessel*, cipher*, high strength, in the clear, open line, clear line,
not encrypted, speak tls, talk tls, data encryption")
    (certificate
     "certificate*, cert, zertifikat*, certificat*, dane, tlsa, mta sts, sts policy,
requiretls, certyfikat*, sertifika*, сертификат*, 证书, 証明書, 인증서")
    (mechanism
     "mechanism*, auth type, authentication type, authentication method*, auth method*,
authentication mechanism*, login method, mecanisme*, mecanismo*, meccanism*, mechanizm*,
механизм*, 机制")
    (token
     "token, tokens, access token, oauth*, xoauth2, bearer, refresh token, jeton, 令牌,
トークン, 토큰")
    (apppassword
     "generated password, enter your authorization, mot de passe d appareil, geratepasswort*,
contrasena de dispositivo, device specific password, password dispositivo, secure mail key*,
mail key, password for mail programs, app password*, application password*,
application specific*, app specific*, apppassword*, authorization code*, authorisation code*,
auth code, authcode, client password, third party password, device password, app generated,
external password, external app password, app passwort*, anwendungspasswort*,
anwendungsspezifisch*, app kennwort*, mot de passe d application, mot de passe application,
mot de passe dapplication, contrasena de aplicacion*, contrasenas de aplicacion*,
senha de app*, senha de aplicativo*, password per le app*, password per app*,
password specifica, app wachtwoord*, applosenord*, haslo aplikacji, hasla aplikacji,
heslo pro aplikac*, aplikacni heslo, uygulama sifre*, uygulama parola*, пароль приложения,
пароль для внешн*, пароля приложения, пароли приложений, пароля для внешн*, parol prilozheniya,
授权码, 授權碼, 客户端授权, 独立密码, 专用密码, アプリパスワード, アプリ パスワード,
専用パスワード, 앱 비밀번호, 애플리케이션 비밀번호, separate password, mot de passe specifique*,
another password for programs, eigenes passwort, separates passwort, eigenes kennwort,
smtp key, smtp keys, not your account password, not your normal password,
not your web password, not your regular password, not your login password,
password for this device")
    (basic
     "access rights to this service, access to this service, enabled for smtp, smtp access,
basic authentication, basic auth, smtp client authentication, smtpclientauthentication,
smtp auth disabled, legacy authentication, smtp authentication is disabled,
authentication is disabled, authentication disabled, auth disabled, smtp service is disabled,
smtp service, smtp is disabled, smtp is not enabled, smtp not enabled, imap smtp, pop3 smtp,
pop imap smtp, smtp disabled, security defaults, conditional access, did not meet the criteria,
protocol disabled, external clients, smtp zugang, smtp zugriff, pop3 imap, smtp versand,
smtp ist deaktiviert, smtp服务, smtp 服务, smtp 服务 未, smtp 서비스, протокол smtp,
доступ по протоколу, plain password*, less secure apps are blocked,
less secure apps are disabled, less secure app access")
    (web
     "accept eula, accept the eula, accept the terms, accept our terms, web login, weblogin*,
webmail, web mail, web browser, browser*, captcha, via the web, verify your account,
verify your identity, confirm your identity, sign in to your account, log into your account,
log in to your account on, suspicious login, suspicious sign in, unusual sign in,
security challenge, continue sending messages, unlock your account, activate your account,
navigateur, navegador, im browser, przegladark*, prohlizec*, tarayici*, браузер*, капч*, 网页,
ブラウザ, 브라우저, robot, robots, phone number, verify your phone, account needs verification,
account verification, verification required, needs verification, new terms,
nutzungsbedingungen, conditions d utilisation, terminos de uso, condizioni d uso, captchas,
human verification, prove that you are, security check, security checkup, unrecognised device,
unrecognized device, new device, unknown device, approve it")
    (list
     "μαυρη λιστα, black, black ip, black sender, black mail, open relay, open proxy,
badmailfrom, badrcptto, listed by, is listed in, is listed on, listed in, listed at,
ipcheck proofpoint, blocked using, barracuda reputation, barracuda*, blocked ip,
block list removal, delist*, poor reputation sender, csi mimecast, blacklist*, blocklist*,
black list*, block list*, blocked list, denylist*, deny list, rbl, rbls, dnsbl*, dnsrbl,
spamhaus*, spamcop*, sorbs*, barracudacentral*, uceprotect*, invaluement, senderbase,
senderscore, sender score, spamrats, abusix, mail abuse, njabl, ordb, cbl, abuseat, sbl, xbl,
css, zen, psbl, nixspam, dnsbl sorbs, blackhole*, black hole, schwarzliste, sperrliste*,
liste noire, listes noires, lista negra, lista nera, listas negras, zwarte lijst, svartlist*,
svarteliste*, czarnej liscie, kara liste*, karaliste*, feketelist*, lista neagra,
черный список, черном списке, черного списка, 黑名单, 黑名單, 封锁列表, ブラックリスト,
블랙리스트, 차단 목록, ip block, banned ip*, client host blocked, ivm, schwarze liste, ip is hangup,
schwarzen liste, czarna lista, czarne listy, czarnej liste, cerna listina, cerne listine,
cernou listinu, черные списки, чорний список, чорному списку, siyah liste*, schwarzer liste,
blok listesi, listed, our list, our lists, backscatterer, wpbl, dsbl, spamcannibal, mailspike,
hostkarma, gbudb, truncate, lashback, proofpoint pdr, five ten, shunned, returnpath,
barred hosts, permanently deferred, will not succeed, ignore list, our firewall, trust rating,
low trust, bad ip score, ip score, ban list, on a realtime list, realtime list, intrusion,
block table, dns list, banlist, ban lists, local list, reject lists, badlist")
    (reputation
     "reputation*, bad reputation, poor reputation, low reputation, untrusted, trust level,
cloudmark sender intelligence, csi, talos, reputazion*, reputatie, reputacja*, reputac*,
репутац*, 信誉, 信譽, 評価, 평판, directory harvest*, harvest attack, harvesting,
dictionary attack*, schlechten ruf, schlechter ruf, schlechte reputation, mauvaise reputation,
mala reputacion, spotne, senderscore, identified as a spammer, identified as spammer,
known spammer*, known spam source*, spam source*, source of spam, spam from your,
spam from this, spamming host, abusive host, abusive ip, in prison")
    (spam
     "scam, fraud, spamverdacht*, spamfilter*, spamschutz, spamerkennung, message filtered,
mail rejete, mail rejected ofr, looks like spam, classified as spam, suspicion of spam,
block spam, anti spam, antispam, mailing suspected, advertisement*, advertising, spam,
spammer*, spammy, spamming, junk, junkmail, bulk mail, unsolicited*, uce, ube, spamassassin,
spam score, spamscore, spam like, spam content, high probability of spam, likely spam,
suspected spam, considered spam, phish*, bayes, unwanted, werbung, unerwunscht*, pourriel*,
indesirable*, correo no deseado, no solicitado, lixo eletronico, indesiderat*, ongewenst*,
skrappost, soppost, niechcian*, nevyzadan*, istenmeyen, keretlen, спам*, 垃圾, 垃圾邮件,
迷惑メール, スパム, 스팸, 광고, nezelen*, rams*, spami, neprasyt*, ανεπιθυμητ*, مزعج, ספאם,
דואר זבל, สแปม, thu rac, bulk, bulk email*, bulk e mail*, bulk messages, mass mail*,
mass mailer*, mass mailing*, spamtext, antyspam*, antispamow*, pattern detection,
recurrent pattern, gtube, bulkmail, spamtrap, spam trap, honeypot, spammish,
suspicious content, suspicious message, heuristic*, fingerprint*, content analysis, scored,
score, razor, pyzor, bogofilter, commtouch, brightmail, cyren, mailshell, objectionable,
offensive, porn, pornographic, casino, profanity, sensitive words, spam filter, dcc, razor2,
spambot*, unsollicited, unsolicitated, spamvertis*, spamlike, viagra, suspicious, correo basura,
looks suspicious, chain letter*, junk email, junk e mail, spams, is spam, as bulk, advert,
adverts, advert*, blacklisted word, blacklisted words, banned word, banned words, mcspam*,
forbidden word, forbidden words, sensitive content, suspect content, suspected content")
    (virus
     "virus, viruses, malware, worm, trojan*, infection, clamav, clam av, av engine,
virenscan*, viren, virenbefall, virusscan*, schadsoftware, infecte*, infectad*, infettat*,
infetto, malicious software, malicious content, malicious code, phishing heuristics,
zainfekowan*, wirus*, zavirovan*, vir, zararli*, вирус*, вредонос*, 病毒, ウイルス, ウィルス,
바이러스, eicar*, virusi, виру*, ιο, ιος, فيروس, וירוס, ไวรัส, malicious, payload, harmful,
dangerous content, ransomware, exploit, backdoor, rootkit, sophos, kaspersky, mcafee,
bitdefender, eset, f prot, avg, infects, w32, win32, netsky, mydoom, klez, antivirus, a worm,
viral")
    (loop
     "loop, looping, loops, mail loop, mailloop, hop count*, too many hops, hops, maximum hop*,
too many received, already has my delivered to, mail forwarding loop,
schleife*, boucle*, bucle*, loop de, ciclo, lus, slinga, petl*, smyck*, dongu*, циклич*,
зациклив*, 循环, 环路, ループ, 루프, routing loop, delivered to line, mx list for,
mail loops back, loops back to myself, loop detected, endlosschleife*, mailschleife*,
kreislauf, been here before, circular, circularly, zapetlen*, come by here, passed here before,
passed through here before, been through here, already been here, already passed,
seen this message before, already seen this, going round, goes round, in circles, in a circle,
received headers")
    (size
     "attachment is too long, message is too long, mail too large, length of data content,
content length, data size, message size, size limit*, maximum size, max size, exceeds size,
too large, too big, too long a message, oversize*, message length, file size,
fixed maximum message size, maximum message size, maximum permitted size, mail size, databytes,
exceeds the size, exceeds maximum size, exceeded size, size exceeds, size exceeded,
bigger than, larger than, larger size, size too, megabyte*, mb, maximum allowed size, zu gros*,
zu groß, groß, grosse der, maximale große, nachrichtengros*, maximale groess*, zu gross*,
taille, trop volumineux, trop gros*, tamano, demasiado grande, tamanho, muito grande,
dimension*, troppo grande, grootte, te groot, for stor*, storlek, zbyt duz*, za duz*, rozmiar*,
prilis velk*, velikost*, cok buyuk, boyut*, tul nagy, prea mare, слишком больш*, размер*, 太大,
过大, 大小, 超过大小, サイズ, 大きすぎ, 너무 큽니다, 너무 커, 크기, 용량 초과, prevelik*,
liiga suur, per didel*, parak liel*, μεγεθος, حجم, גודל, גדול מדי, ขนาด, terlalu besar, ukuran,
kich thuoc, qua lon, твърде голям*, завелик*, розмір*, liian suuri, too much data,
too much mail data, kilobytes, bytes, too heavy, size restriction*, larger in size, size of,
용량이 초과")
    (full
     "no more room, no room, speicherlimit*, speicherplatz ist erschopft, no space in mailbox,
is full, over quota, overquota, over its quota, over the quota, overdrawn, out of quota,
mailbox full, mailbox is full, quota exceeded mailbox, exceeded storage, exceeded its storage,
storage limit, storage quota, storage allocation, exceeded quota, mailbox size limit*,
mailbox limit*, disk quota*, out of storage, out of storage space, insufficient mailbox,
mailbox quota*, quotaexceeded, mailboxfull, inbox full, inbox is full, no room in mailbox,
mailbox for user is full, over the allowed quota, exceed mailbox, exceeds mailbox,
over the maximum allowed, exceeded the allotted, email quota exceeded, mail quota exceeded,
user quota, quota violat*, limite de almacenamiento, voll, uberfull*, ueberfull*, plein*,
saturee, llen*, cheia, cheio, lotad*, pien*, vol, overvol, full*, fuld, taynna, przepelnion*,
pelna, pelny, zapelnion*, preplnen*, plna, plny, dolu, dolmus, megtelt, plina, plin, переполн*,
заполнен*, повн*, 已满, 满了, 空间不足, 容量不足, 已滿, 満杯, いっぱい, 容量超過, 가득, 꽉 찼,
poln*, pun, puna, tais, pilnas, pilna, pilns, переповнен*, пълна, пълен, γεματη, γεματο,
πληρη*, ممتلئ*, מלאה, מלא, เต็ม, penuh, da day, пуна, exhausted disk, disc quota*,
userdisk quota*, domaindisk quota*, maildir over quota, hard limit,
quota exceed the hard limit, filled, filled up, too full, overfull, over limit, over its limit,
over its storage, max storage, no free space, exceeded its space, insufficient space in,
not enough room, enough room in, no space for, reached its storage, storage used up,
mail stored, too much mail stored, messages stored, mailbox size, maximum mailbox, over quote,
overquote, space not enough, not enough space, not enough diskspace, not enough disk,
space used up, space has used up, space is used up, any more mail, any more email,
any more messages, no more mail, cannot hold, out of room, more than its quota, exceeded storage allocation,
exceeds its quota, exceeds his quota, exceeded his quota, exceeded her quota,
exceeded their quota, exceeds quota, exceed quota, quota is over, quota over, over the storage,
overflow*, overflowing, place left, no place, bursting, brimming, crammed, tidy up, clean up,
must delete, delete some, no further mail, accepts no more, can take no more, cannot take more,
cannot take any more, cant take any more, πληρες, πληρης")
    (quota
     "message credits, credits left, no credits, credits, sends left, plan limit,
max emails per hour, maximum credits, credits exceeded, emails per hour, emails per day,
recipients per day, recipients per hour, max defers, send quota, sending quota, relay quota,
sending limit, send limit, relays quota, quota*, allowance, contingent, kontingent*, cuota*,
cota, quotum, limit quota, квот*, 配额, 配額, 額度, 할당량, allotted, allotted number,
has run out, have run out, run out of, used up, aufgebraucht, epuise*, agotad*, esgotad*,
esaurit*, opgebruikt, wyczerpan*, vycerpan*, tukend*, исчерпан*, 用完, 用尽, 使い切, 소진,
sending credit*, daily cap, monthly cap, ceiling, daily allotment, message allowance,
used all, used all of, spent, spent all, last mail, last message, used your, speichervolumen,
speicherkontingent, messaging limit, messaging limits, email limit, message limit")
    (loginlimit
     "lockout, locked out, too much fail*, login failures, repeated login*, log in failures,
repeated failed, number of login, number of failed, too many failed, too many auth*,
too many login*, too many bad auth*, too many invalid login*, too many wrong,
too many unsuccessful, many failed login*, many failed auth*, many authentication failures,
authentication attempts, login attempts, log in attempts, auth attempts, failed attempts,
failed logins, repeated authentication failure*, too many incorrect, login rate,
logins exceeded, login frequency, too many password, brute force, bruteforce, fehlversuche*,
anmeldeversuch*, zu viele fehl*, tentatives de connexion, tentatives, intentos, tentativas,
tentativi, pogingen, prob logowania, pokusu o prihlaseni, pokusu, попыток, deneme*, 登录次数,
尝试次数, 登录失败次数, 登录频率, 試行回数, 로그인 시도, plusieurs echecs, nombreux echecs, tried too often,
tried too many, too many tries, too often tried, sit back, bad logins, bad login attempts,
logged out, wrong logins, failed logons, bad passwords, wrong passwords, wrong log ins, 失敗が続,
failed log ins, failed sign ins")
    (toomany
     "more than one, multiple, duplicate*, zuviele, zuviel, too many mails, sent too many,
too many, too much, too often, too frequent*, too fast, too quickly, number of, max number of,
maximum number of, many, excessive*, zu viele, zu viel, zu oft, zu haufig, trop de, trop,
demasiad*, muitas, muitos, excesso de, troppi, troppe, te veel, for manga, for mange,
zbyt wiel*, za duzo, zbyt duzo, prilis mnoho, cok fazla, tul sok, prea mult*, liian monta,
слишком мног*, забагато, 过多, 太多, 過多, 多すぎ, 너무 많, too many requests, 大量, too many recent errors,
too many errors from your ip")
    (limit
     "excedi*, supero, superat*, depasse*, numero maximo, numero massimo, nombre maximum,
nombre maximal, maximale anzahl, maximum aantal, maksymaln*, maximalni, максимальн*,
tageslimit*, daglimiet, stundenlimit*, monatslimit*, bereikt, naet, oppnadd, atteint, atteinte,
alcanzad*, atingid*, raggiunt*, osiagniet*, dosazen*, достигнут*, limit*, exceed, exceeded,
exceeds, exceeding, maximum, maximal, max, threshold*, permitted limits, reached, over limit,
overlimit, limit exceeded, limit reached, limiet, grens, grenze*, uberschritten, sent more than,
ueberschritten, uberschreit*, ueberschreit*, depass*, superad*, excedid*, excede*,
overschreden, overskred*, overskrid*, przekroc*, prekroc*, asildi, asti, asim*, tullep*,
depasit*, превыш*, лимит*, 超过, 超过限制, 超出, 限制, 上限, 超過, 초과, 제한, 한도, 制限, send more than,
presezen*, prekoracen*, uletatud, virsyt*, parsniegt*, вичерпан*, надвиш*, υπερβαση, تجاوز,
חריגה, מכסה, เกิน, melebihi, batas, vuot qua, versandlimit*, перевищ*, ліміт*")
    (rate
     "langsamer, zu schnell, rapide, ralentis*, demasiado rapido, muito rapido, troppo veloc*,
te snel, zbyt szybko, prilis rychle, cok hizli, слишком быстро, 过快, 速すぎ, 너무 빠, slower,
retrying too fast, too fast, mail bomb, mailbomb, too many mails, connection rate,
message rate, sending too fast, sending too quickly, concurrency limit, rate, rate limit*,
ratelimit*, throttl*, slow down, flood, flooding, frequen*, per minute, per second, mails per,
messages per connection, per connection, per session, per client, per host, per source, burst*,
unexpected volume, speed, geschwindigkeit, drosselung, debit, frecuencia,
snelheid, frekvens, czestotliwosc*, rychlost, hizi, частот*, скорост*, 频率, 频繁, 速率, 頻度,
頻繁, 빈도, 속도, concurrency, too quickly, tarpit*, thread limit, short period, short time,
in a short, too many requests, слишком част*, частая, zu haufig, zu haeufig, zu oft,
trop souvent, trop frequen*, too rapidly, too many per, lower your, sessions opened, 大量,
短時間, pacing, backoff, back off, volume, message volume, spike, aggressive, aggressively,
hammering, ratelimit exceeded, throughput, hourly rate, a minute, within minutes, in minutes,
mails within, sending pattern, sending patterns, pattern of sending, wait to send,
retry slower, too hasty, more slowly, slow, spread your, send less, so fast, easy there,
than we can, more than we can, calm down, relax, hurry, take it easy, hold on,
requests from your host, sender rate, limit for processing requests, too many recent errors,
too many errors from your ip")
    (period
     "tageslimit*, daglimiet, dagsgrans, dygnsgrans, taeglich*, 1h, 24 h, 1 h, 1 hour, 1 day,
emails per hour, max emails per hour, emails per day, recipients per day, recipients per hour,
messages per day, messages per hour, mails per day, mails per hour, per 24 hours,
within 24 hours, per hour allowed, max defers and failures per hour, hour, hourly, per hour,
this hour, day, daily, per day, today, for today, month, monthly, per month, week, weekly,
24 hours, 24 hour, 24h, stunde, stundlich*, pro stunde, taglich*, pro tag, monatlich*, heure,
par heure, par jour, journalier*, quotidien*, jour, diari*, dia, hora, giornalier*, orari*,
giorno, uur, dagelijks*, per dag, dag, timme, dagliga, dzienn*, godzin*, dobow*, denni, hodin*,
gunluk, saatlik, napi, zilnic*, суточн*, дневн*, часов*, сутки, в час, день, 每天, 当天, 每日,
每小时, 今日, 今天, 一日, 1 日, 日, 시간당, 일일, 하루, 오늘, 내일, 明日, 翌日, 本日, 明天,
tomorrow, morgen, heute, demain, aujourd hui, manana, hoy, amanha, hoje, domani, oggi, jutro,
zitra, завтра, billing period, billing cycle, this period, денн*, щоден*")
    (sending
     "ausgehend*, sortant*, saliente*, uitgaand*, utgaende, wychodzac*, odchozi*, giden, inviare,
sending limit*, send limit*, sending quota, send quota, sent too many, sending, outgoing,
outbound, submission, sent, send, relay quota, relays quota, versand*, sendelimit*, gesendet,
envoi*, envoye*, envio*, enviar, enviad*, invio, inviat*, verzend*, verzonden, wysyl*, wyslan*,
odesil*, odeslan*, odosiel*, odoslan*, gonderim*, gonderme*, kuldes*, trimite*, отправк*,
отправлен*, исходящ*, 发送, 发信, 外发, 寄送, 送信, 발송, 발신, 전송, надсилан*, надісл*, відправ*,
send more than, sent more than, spam versendet")
    (mailserver
     "smtp server of your isp, smtp server of your, your isp, your isps, isp mail server,
isps mail server, smarthost, smart host, mailgateway, mail gateway, your providers,
your provider, providers server")
    (app
     "application, app, programs, third party apps, less secure, lsa, aplicativo, aplicativos, приложени*,
apps, mail app, mail apps, other apps, mail clients, mail client, mail programs, mail program,
email clients, email programs, third party, external programs, programme, programmes,
aplicacion, aplicaciones, applicazione, applicazioni, aplikacj*, aplikac*, uygulama*, 应用,
アプリ, 앱")
    (smtp
     "smtp, pop3, imap, externe programme, externe clients, mail clients, mail programs,
external mail, external mail programs, external programs, external clients, email programs,
email clients, mail client, email client, desktop clients, mailprogramm*, e mail programm*,
clients de messagerie, programas de correo, smtp auth, programy pocztowe, programow pocztowych,
почтовых клиентов, почтовые клиенты, почтовых программ, почтовые программы, client di posta,
programmi di posta, logiciels de messagerie, clientes de correo, mailclients, e mailclients,
postovni klient*, postovnich klientu, postovni program*, eposta istemci*, поштових клієнтів,
外部メールソフト")
    (filter
     "content filter*, filter, filtered, inhaltsfilter, filtre, filtro, фильтр*, 过滤,
フィルタ, bayesian filter, bayes filter, says no")
    (ownaccount
     "sender account, senders account, ihr zugang, ihr postfach, dein konto, ditt konto,
votre boite, tu cuenta, su buzon, tu buzon, sua caixa, la tua casella, uw mailbox,
jouw account, twoja skrzynka, vase schranka, vas ucet, ваш ящик, ваш почтовый ящик, твой ящик,
ваша почта, din konto, kontoen din, このアカウント, 您的邮箱, your account, your mailbox,
your user, ihr konto, votre compte, su cuenta, sua conta, il tuo account, uw account,
twoje konto, hesabiniz, ваш аккаунт, ваша учетная запись, 您的帐号, 您的账号")
    (website
     "website*, web site*, webseite*, web page, web app, web interface, site web,
site internet, sitio web, pagina web, sito web, strona internetowa, stronie,
webovych strankach, веб интерфейс*, на сайте, 网站, ウェブサイト, 웹사이트, online account,
control panel, web console")
    (group
     "group, groups, list, mailing list, mailing lists, distribution list, distribution lists,
distribution group, mailingliste, liste de diffusion, lista de distribucion, lista de correo,
mailinglijst, lista di distribuzione, lista dyskusyjna, рассылки, списка рассылки,
メーリングリスト, 邮件列表, 메일링 리스트")
    (storage
     "disk space, insufficient disk, disk, disk full, no space, insufficient system storage,
insufficient storage, system storage, storage full, storage is full, out of memory,
out of disk, memory, low on disk, low space, space shortage, not enough space, not enough disk,
no space left, space left, spool, spool full, out of space, lack of space, inodes, write error,
allocat*, queue quota, mail system full,
mail system is full, mail system storage, system is full, filesystem, file system,
speicherplatz, festplatte, plattenplatz, kein speicher, espace disque, disque,
espacio en disco, espacio, espaco, spazio, disco, schijfruimte, diskutrymme, diskplads,
miejsca na dysku, brak miejsca, mista na disku, disk alani, нет места, дисков*, места на диске,
磁盘, 磁碟, 存储空间, ディスク, 디스크, enough space, enough storage, enough room,
storage space, storage, diskspace, disc space, run out of disk, ran out of disk,
run out of space, ran out of space, out of disk space, disk is full, disks are full,
systemspeicher, stockage, almacenamiento, armazenamento, systeemopslag, opslagruimte,
недостаточно места, хранилищ*, 存储, 記憶容量, 容量不足, depolama, nedostatek mista, 저장 장치, 저장 공간, 저장공간")
    (manyrcpt
     "recipients allowed, recipients per message, recipients per mail, addressees,
too many recipients, in the next batch, too many rcpt*, number of recipients, max recipients, maximum recipients,
recipients limit, recipient limit, zu viele empfanger*, zu viele empfaenger*,
trop de destinataires, demasiados destinatarios, muitos destinatarios, troppi destinatari,
te veel ontvangers, for manga mottagare, zbyt wielu odbiorcow, prilis mnoho prijemcu,
cok fazla alici, слишком много получателей, 收件人过多, 收件人数, 收件人数量, 宛先が多すぎ,
수신자가 너무, rcpt number*, number of rcpt*, recipient count, count of recipients,
recipients in excess, recipients exceed*, more recipients than, recipients than,
recipients in one message, recipients in a single, maximum recipient,
recipients in this message, to many recipients, recipient list too, enough recipients,
recipients for one, addressees for one, recipients for, people at once, people in one,
recipients at once, addressees at once, enough people, people may be addressed, people for one,
addresses in one, addresses at once, addresses per message, addresses per mail, max rcpt to,
one recipient at a time, recipient at a time, single recipient only, mehrere ziel domains,
multiple destination domains, multiple recipient domains, mehrere zieldomains")
    (dynamic
     "ipv6, from your network, address family, foreign ip, smtpport, invalid ip,
send email directly, send mail directly, send directly, may not be mail exchanger,
not in whitelist, ip not in, nowl, directly to our servers, directly to our,
invalid ip for sending, dynamic*, dial up, dialup*, dul, residential, home user*, end user*,
pbl, consumer, adsl, dsl, cable, transient ip, generic host*, generic ptr, generic*, dhcp,
pool, client ip hostname, contains your ip address, country, geoip, geo ip, geographic*,
region, ipv6 not, over ipv6, direct to mx, direct connections, direct from, policy block list,
whitelisted ip, ip not allowed, not allowed to connect, authorized ip, authorised ip,
allowed ip, permitted ip, trusted network*, mynetworks, not in the list of allowed, dynamisch*,
einwahl*, dynamique*, dinamic*, dynamiczn*, dinamik, dynamick*, динамич*, 动态, 動態, 動的,
유동, netblock*, ip range, tor exit, proxy*, open proxy, vpn, cloud provider,
ip not authorized, 海外, 国外, 境外, 해외, abroad, overseas, foreign country,
foreign countries, ausland*, etranger, extranjero, estero, host network, network not allowed,
network is not allowed, your network is not, diesem land, from this country, ce pays,
este pais, su pais, ihrem land, questo paese, deze land, dit land, tego kraju, teto zeme, этой страны, вашей страны,
국가, geo blocked, geoblock*, geolocation, geo location, from our network, own network,
outside our network, outside of our network, outside the network, aus dem netz, unser netz,
unserem netz, notre reseau, nuestra red, nossa rede, nostra rete, ons netwerk, нашей сети,
this location, your location, port 25, access control rule*, unknown network*, dial,
unassigned, datacenter, data center, hosting network, direct delivery, not an mx, non mx,
anonymizer, countries, regions, dynamically assigned, approved list, not in approved,
home connection*, broadband, home internet, own networks, our networks, that country,
your country, home line*, private line*, consumer line*, home network*, home address*,
residential line*, dsl line*")
    (policy
     "policy, policies, policy reasons, policy violation, local policy, security policy,
site policy, administrative*, administrator, richtlinie*, politique*, politica*, policyreasons,
beleid, polityk*, zasad*, politik*, политик*, 策略, 政策, ポリシー, 정책, breach*, violat*")
    (secondfactor
     "two factor, two step, 2 step, 2fa, second factor, zwei faktor, verification en deux,
dos pasos, duas etapas, due fattori")
    (authdown
     "connection lost to authentication server, lost to authentication server,
authentication server, auth server, authentication service, authentication backend,
auth backend, generic failure, temporary authentication failure, temporary auth failure,
temporary authentication error, temporarily unable to authenticate,
authentication temporarily unavailable, authentication is temporarily unavailable, saslauthd, ldap server")
    (complaints
     "complaint*, abuse reports, user complaints, spam reports, beschwerden, plaintes, quejas,
reclamac*, жалоб*, 投诉, marked as spam, reported as spam, spam reporting, flagged you")
    ;; No cause, whatever is in them; they are here to be used up.
    (remark
     "reply to mail from command, reply to rcpt to command, reply to data command,
reply to end of data command, reply to helo command, reply to ehlo command,
reply to auth command, reply to starttls command, reply to auth login command,
contact your administrator, contact your system administrator, contact your mail administrator,
contact your email administrator, contact your e mail administrator,
contact your network administrator, contact your it administrator,
contact your server administrator, contact your domain administrator,
contact your postmaster, contact your local administrator, contact the administrator,
contact the system administrator, contact the mail administrator, contact an administrator,
contact the server administrator, contact the recipients administrator, ask your administrator,
tell your administrator, contact your provider, contact your isp, contact your service provider,
contact your internet service provider, contact your hosting provider,
contact your email provider, contact your mail provider, contact support, contact your host,
contact technical support, contact customer support, contact customer service, contact us,
contact the sender, contact the recipient, contact the site owner, and try again, and retry,
and resend, and send again, before trying again, before you try again,
wenden sie sich an ihren administrator, und versuchen sie es erneut,
contactez votre administrateur, et reessayez, contacte con su administrador,
y vuelva a intentarlo, y vuelve a intentarlo, entre em contato com o administrador,
e tente novamente, contatta l amministratore, e riprova, en probeer het opnieuw,
i sprobuj ponownie, a zkuste to znovu, обратитесь к администратору, и повторите попытку,
и попробуйте снова, 请联系管理员, 管理者に連絡してください, 관리자에게 문의하십시오"))
  "What is spoken of: (NOTION WORDS).")

(provide 'mew-submit-cause-thing)
;;; mew-submit-cause-thing.el ends here
